/** The keyboard shortcuts, as the help shows them; pages bind them by `keys`. */
export const SHORTCUTS = {
  search: { keys: "/", label: "Search the projects" },
  create: { keys: "n", label: "New project" },
  projects: { keys: "p", label: "Go to the projects" },
  account: { keys: "a", label: "Go to your account" },
  help: { keys: "?", label: "Show these shortcuts" },
} as const;
