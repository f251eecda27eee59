import { Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ProjectSummary } from "@/api/types";
import { LinkButton } from "@/components/links";
import { ServerStateLabel } from "@/components/ServerStateLabel";
import { TimeAgo } from "@/components/TimeAgo";
import { roleLabel } from "@/lib/roles";

/** One project in the list. */
export function ProjectRow({ project }: { project: ProjectSummary }) {
  return (
    <div role="listitem" className="project-row">
      <div style={{ minWidth: 0 }}>
        <Link to="/projects/$projectId" params={{ projectId: project.id }} className="project-name">
          {project.name}
        </Link>
        {project.description && (
          <Text size="sm" c="dimmed" lineClamp={1}>
            {project.description}
          </Text>
        )}
      </div>
      <Text size="sm" c="dimmed" className="wide-only">
        {people(project)}
      </Text>
      <Text size="sm" c="dimmed" className="wide-only">
        <TimeAgo at={project.updated_at} />
      </Text>
      <Group gap="sm" className="narrow-meta">
        <ServerStateLabel state={project.server_state} />
        <Text size="sm" c="dimmed" hiddenFrom="md">
          {people(project)}
        </Text>
      </Group>
      {project.role ? (
        <LinkButton
          to="/projects/$projectId/open"
          params={{ projectId: project.id }}
          preload={false}
          variant="default"
          size="sm"
          className="above row-action"
          aria-label={`Open ${project.name}`}
        >
          Open
        </LinkButton>
      ) : (
        <span className="row-action" />
      )}
    </div>
  );
}

function people({ role, owners, member_count: count }: ProjectSummary): string {
  const first = role ? roleLabel(role) : (owners[0]?.display_name ?? "No owner");
  return count <= 1 ? first : `${first} · ${count} people`;
}
