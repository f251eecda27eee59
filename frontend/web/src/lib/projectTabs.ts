/** The parts of a project's page, in the order of their tabs. */
export const PROJECT_TABS = ["files", "people", "published", "activity", "usage", "settings"] as const;

export type ProjectTab = (typeof PROJECT_TABS)[number];
