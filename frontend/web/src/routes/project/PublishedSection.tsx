import { ActionIcon, Badge, Button, Group, Skeleton, Stack, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconRefresh, IconTrash, IconWorld } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { publicationsQuery, useChangePublication, type Publication } from "@/api/projectLife";
import type { Project } from "@/api/types";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { PublishDialog } from "./PublishDialog";

/** What a project shows to people outside. */
export function PublishedSection({ project }: { project: Project }) {
  const query = useQuery(publicationsQuery(project.id));
  const canPublish = project.capabilities.includes("publish");
  const [publishing, dialog] = useDisclosure(false);
  return (
    <Section
      title="Published"
      note="What people outside of the project can read, by a link."
      {...(canPublish
        ? {
            action: (
              <Button size="sm" variant="default" leftSection={<IconWorld size={16} />} onClick={dialog.open}>
                Publish all files
              </Button>
            ),
          }
        : {})}
    >
      {query.isPending && <Skeleton height={80} />}
      {query.isError && !query.data && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data?.items.length === 0 && (
        <EmptyState title="Nothing is published" icon={<IconWorld size={40} stroke={1.2} />}>
          Choose “Publish” in the menu of a notebook or folder, and give its address to whom you like.
        </EmptyState>
      )}
      <ul className="lines plain-list">
        {query.data?.items.map((publication) => (
          <PublicationRow
            key={publication.id}
            projectId={project.id}
            publication={publication}
            canPublish={canPublish}
          />
        ))}
      </ul>
      <PublishDialog
        projectId={project.id}
        path=""
        name={project.name}
        opened={publishing}
        onClose={dialog.close}
      />
    </Section>
  );
}

interface RowProps {
  projectId: string;
  publication: Publication;
  canPublish: boolean;
}

function PublicationRow({ projectId, publication, canPublish }: RowProps) {
  const { update, revoke } = useChangePublication(projectId);
  const [revoking, dialog] = useDisclosure(false);
  return (
    <li>
      <Group justify="space-between" wrap="nowrap" py="sm">
        <Stack gap={2} style={{ minWidth: 0 }}>
          <Group gap="xs">
            <a href={publication.url} target="_blank" rel="noreferrer">
              {publication.title}
            </a>
            <Badge variant="default" size="sm">
              {publication.is_listed ? "Listed" : "By link"}
            </Badge>
          </Group>
          <Text size="xs" c="dimmed">
            {publication.path || "All files"} · as of <TimeAgo at={publication.updated_at} />
          </Text>
        </Stack>
        {canPublish && (
          <Group gap={4} wrap="nowrap">
            <Tooltip label="Publish the files as they are now">
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Publish ${publication.title} again`}
                loading={update.isPending}
                onClick={() =>
                  update.mutate(
                    { publication: publication.id, refresh: true },
                    { onSuccess: () => notifyDone("Published as it is now."), onError: notifyProblem },
                  )
                }
              >
                <IconRefresh size={18} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label="Stop publishing">
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Stop publishing ${publication.title}`}
                onClick={dialog.open}
              >
                <IconTrash size={18} />
              </ActionIcon>
            </Tooltip>
          </Group>
        )}
      </Group>
      <ConfirmDialog
        opened={revoking}
        title={`Stop publishing “${publication.title}”?`}
        action="Stop publishing"
        onConfirm={() => revoke.mutateAsync(publication.id)}
        onClose={dialog.close}
      >
        <Text size="sm">Its address leads nowhere from then on. Copies that others made stay with them.</Text>
      </ConfirmDialog>
    </li>
  );
}
