import type { Me, Member, Project, ProjectSummary, User } from "@/api/types";

const at = "2026-03-01T09:00:00Z";

export const ada: Me = {
  avatar_url: null,
  email: null,
  email_verified: false,
  time_zone: "",
  providers: [],
  name: "ada",
  display_name: "Ada Lovelace",
  is_admin: false,
  is_active: true,
  has_password: true,
  created_at: at,
};

export const emmy: User = { ...ada, name: "emmy", display_name: "Emmy Noether" };

export const member = (user: User, role: Member["role"]): Member => ({
  name: user.name,
  display_name: user.display_name,
  role,
  since: at,
});

/** A project that Ada owns and Emmy edits. */
export const project: Project = {
  id: "p1",
  name: "Bernoulli numbers",
  description: "Note G",
  role: "owner",
  owners: [{ name: "ada", display_name: "Ada Lovelace" }],
  member_count: 2,
  created_at: at,
  updated_at: at,
  server_state: "stopped",
  starred: false,
  profile: "",
  members: [member(ada, "owner"), member(emmy, "editor")],
  capabilities: [
    "read",
    "write",
    "execute",
    "run_server",
    "stop_server",
    "publish",
    "manage_members",
    "manage_project",
    "delete_project",
  ],
};

export const summary = (changes: Partial<ProjectSummary> = {}): ProjectSummary => {
  const { id, name, description, role, owners, member_count, created_at, updated_at, server_state, starred } =
    project;
  return {
    id,
    name,
    description,
    role,
    owners,
    member_count,
    created_at,
    updated_at,
    server_state,
    starred,
    ...changes,
  };
};
