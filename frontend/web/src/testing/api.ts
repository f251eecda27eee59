import { setupServer } from "msw/node";

/** Stands for the platform in component tests: each test says what it answers. */
export const server = setupServer();

export const apiUrl = (path: string) => `${window.location.origin}/services/collegium/api${path}`;
