import type { Role } from "@/api/types";

/** The roles that a member can have, the most powerful first, in words for people. */
export const ROLES: readonly { value: Role; label: string; means: string }[] = [
  {
    value: "owner",
    label: "Owner",
    means: "Edits and runs everything, manages people, may delete the project",
  },
  { value: "editor", label: "Editor", means: "Edits files and runs code" },
  { value: "viewer", label: "Viewer", means: "Sees files and results live, changes nothing" },
];

export function roleLabel(role: Role): string {
  return ROLES.find(({ value }) => value === role)?.label ?? role;
}
