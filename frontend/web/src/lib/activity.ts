import type { Activity } from "@/api/projectLife";
import { roleLabel } from "./roles";
import type { Role } from "@/api/types";

const WORDS: Readonly<Record<string, (detail: string) => string>> = {
  "project.create": () => "created the project",
  "project.copy": (detail) => `made it as a copy of ${detail}`,
  "project.name": (detail) => `renamed the project to “${detail}”`,
  "project.description": () => "changed the description",
  "project.profile": (detail) => `chose the server size “${detail}”`,
  "project.archive": () => "archived the project",
  "project.unarchive": () => "took the project out of the archive",
  "project.delete": () => "moved the project to the trash",
  "project.restore": () => "restored the project from the trash",
  "project.transfer": (detail) => `handed the project to ${detail}`,
  "project.member": member,
  "project.join": (detail) => `joined ${detail}`,
  "project.invite": (detail) => `made an invitation link (${detail.replace("link: ", "")})`,
  "project.uninvite": (detail) => `revoked an invitation link (${detail.replace("link: ", "")})`,
  "project.upload": (detail) => `uploaded ${detail}`,
  "project.publish": (detail) => `published ${detail}`,
  "project.publish_again": (detail) => `published ${detail} again`,
  "project.unpublish": (detail) => `stopped publishing ${detail}`,
  "server.start": () => "started the server",
  "server.stop": () => "stopped the server",
  "server.cull": () => "stopped the server, which had nothing to do",
  "server.fail": (detail) => `could not start the server: ${detail}`,
};

/** What somebody did, to stand behind their name. */
export function activityText({ action, detail }: Activity): string {
  return WORDS[action]?.(detail) ?? `${action} ${detail}`.trim();
}

function member(detail: string): string {
  const [name = "", role = ""] = detail.split(": ");
  if (role === "removed") return `removed ${name}`;
  return `made ${name} ${roleLabel(role as Role).toLowerCase()}`;
}
