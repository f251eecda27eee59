import { Badge, Button, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link } from "@tanstack/react-router";
import { usePurgeProject, useRestoreProject } from "@/api/projectLife";
import type { ProjectSummary } from "@/api/types";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { LinkButton } from "@/components/links";
import { ServerStateLabel } from "@/components/ServerStateLabel";
import { StarButton } from "@/components/StarButton";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { roleLabel } from "@/lib/roles";

/** One project in the list. */
export function ProjectRow({ project }: { project: ProjectSummary }) {
  if (project.deleted_at) return <TrashedRow project={project} />;
  return (
    <li className="project-row">
      <div style={{ minWidth: 0 }}>
        <Group gap="xs" wrap="nowrap">
          <Link to="/projects/$projectId" params={{ projectId: project.id }} className="project-name">
            {project.name}
          </Link>
          {project.role && <StarButton project={project} className="above" />}
          {project.archived_at && (
            <Badge variant="default" size="sm">
              Archived
            </Badge>
          )}
        </Group>
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
    </li>
  );
}

function people({ role, owners, member_count: count }: ProjectSummary): string {
  const first = role ? roleLabel(role) : (owners[0]?.display_name ?? "No owner");
  return count <= 1 ? first : `${first} · ${count} people`;
}

/** A project in the trash: it can be restored or deleted for good. */
function TrashedRow({ project }: { project: ProjectSummary }) {
  const restore = useRestoreProject();
  const { mutateAsync: purge } = usePurgeProject();
  const [purging, dialog] = useDisclosure(false);
  return (
    <li className="project-row trashed-row">
      <div style={{ minWidth: 0 }}>
        <Text fw={600}>{project.name}</Text>
        <Text size="sm" c="dimmed">
          Deleted {project.deleted_at && <TimeAgo at={project.deleted_at} />}
          {project.purge_at && <> · kept until {new Date(project.purge_at).toLocaleDateString("en-GB")}</>}
        </Text>
      </div>
      <Group gap="xs">
        <Button
          size="sm"
          variant="default"
          loading={restore.isPending}
          onClick={() =>
            restore.mutate(project.id, {
              onSuccess: () => notifyDone(`“${project.name}” is back.`),
              onError: notifyProblem,
            })
          }
        >
          Restore
        </Button>
        <Button size="sm" variant="subtle" color="red" onClick={dialog.open}>
          Delete for good
        </Button>
      </Group>
      <ConfirmDialog
        opened={purging}
        title={`Delete “${project.name}” for good?`}
        action="Delete for good"
        typeToConfirm={project.name}
        onConfirm={() => purge(project.id)}
        onClose={dialog.close}
      >
        <Text size="sm">
          All its files, their history and what it publishes are gone. Nothing brings them back.
        </Text>
      </ConfirmDialog>
    </li>
  );
}
