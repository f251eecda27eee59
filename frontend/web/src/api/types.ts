import type { components } from "./schema";

type Schemas = components["schemas"];

export type Capability = Schemas["Capability"];
export type Me = Schemas["Me"];
export type Member = Schemas["Member"];
export type Person = Schemas["Person"];
export type Project = Schemas["Project"];
export type ProjectSummary = Schemas["ProjectSummary"];
export type Role = Schemas["Role"];
export type Server = Schemas["Server"];
export type ServerEvent = Schemas["ServerEvent"];
export type ServerState = Server["state"];
export type SignInLink = Schemas["SignInLink"];
export type User = Schemas["User"];
export type UserWithLink = Schemas["UserWithLink"];
export type View = "active" | "starred" | "archived" | "trash";
