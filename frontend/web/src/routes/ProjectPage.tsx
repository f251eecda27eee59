import { ActionIcon, Alert, Grid, Group, Menu, Skeleton, Stack, Tabs, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import {
  IconArchive,
  IconChevronLeft,
  IconCopy,
  IconDotsVertical,
  IconDoorExit,
  IconExternalLink,
  IconFolderQuestion,
  IconPencil,
  IconTrash,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { asApiError } from "@/api/errors";
import { useRestoreProject } from "@/api/projectLife";
import { useDeleteProject, useRemoveMember, useUpdateProject } from "@/api/mutations";
import { meQuery, projectQuery } from "@/api/queries";
import type { Capability, Project } from "@/api/types";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { EmptyState } from "@/components/EmptyState";
import { LinkButton, TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { ProjectDialog } from "@/components/ProjectDialog";
import { Section } from "@/components/Section";
import { StarButton } from "@/components/StarButton";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { notifyUndo } from "@/lib/notifyUndo";
import type { ProjectTab } from "@/lib/projectTabs";
import { roleLabel } from "@/lib/roles";
import { usePageTitle } from "@/lib/usePageTitle";
import { MembersSection } from "./MembersSection";
import { ActivitySection } from "./project/ActivitySection";
import { FilesSection } from "./project/FilesSection";
import { InvitationsSection } from "./project/InvitationsSection";
import { NewProject } from "./project/NewProject";
import { PublishedSection } from "./project/PublishedSection";
import { SettingsSection } from "./project/SettingsSection";
import { UsageSection } from "./project/UsageSection";
import { ServerSection } from "./ServerSection";

const route = getRouteApi("/projects/$projectId");

/** One project: what it is, who is in it, its server. */
export function ProjectPage() {
  const { projectId } = route.useParams();
  const query = useQuery(projectQuery(projectId));
  usePageTitle(query.data?.name);
  if (query.isPending) return <PageSkeleton />;
  if (query.isError && (!query.data || isGone(query.error)))
    return <Unavailable error={query.error} onRetry={query.refetch} />;
  return <ProjectView project={query.data} />;
}

/** Whether the project was deleted, or the person removed from it, while its page was open. */
function isGone(error: Error): boolean {
  return [403, 404].includes(asApiError(error).status);
}

function ProjectView({ project }: { project: Project }) {
  const can = (capability: Capability) => project.capabilities.includes(capability);
  return (
    <>
      <Stack gap="xs">
        <TextLink to="/" size="sm" underline="hover" className="back">
          <IconChevronLeft size={16} aria-hidden="true" /> Projects
        </TextLink>
        <Group justify="space-between" align="flex-start" wrap="wrap">
          <Group gap="xs" wrap="nowrap" align="center">
            <Title order={1} maw="40rem">
              {project.name}
            </Title>
            {can("read") && <StarButton project={project} />}
          </Group>
          <Group gap="xs" wrap="nowrap">
            {can("read") && (
              <LinkButton to="/projects/$projectId/runs" params={{ projectId: project.id }} variant="default">
                Runs
              </LinkButton>
            )}
            {can("read") && (
              <LinkButton
                to="/projects/$projectId/open"
                params={{ projectId: project.id }}
                preload={false}
                leftSection={<IconExternalLink size={18} />}
              >
                Open
              </LinkButton>
            )}
            <ProjectMenu project={project} />
          </Group>
        </Group>
        {project.description && (
          <Text maw="44rem" style={{ whiteSpace: "pre-line" }}>
            {project.description}
          </Text>
        )}
      </Stack>
      {project.archived_at && (
        <Alert color="gray" icon={<IconArchive />} title="Archived">
          This project is out of everybody’s list. It can be used as before, and taken out of the archive in
          its settings.
        </Alert>
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <ProjectTabs project={project} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <Stack gap="lg">
            <ServerSection
              projectId={project.id}
              canRun={can("run_server")}
              canStop={can("stop_server")}
              canOpen={can("read")}
            />
            <DetailsSection project={project} />
          </Stack>
        </Grid.Col>
      </Grid>
    </>
  );
}

const TAB_LABELS: readonly { value: ProjectTab; label: string }[] = [
  { value: "files", label: "Files" },
  { value: "people", label: "People" },
  { value: "published", label: "Published" },
  { value: "activity", label: "Activity" },
  { value: "usage", label: "Usage" },
  { value: "settings", label: "Settings" },
];

function ProjectTabs({ project }: { project: Project }) {
  const navigate = route.useNavigate();
  const { tab } = route.useSearch();
  const can = (capability: Capability) => project.capabilities.includes(capability);
  // An administrator who is no member manages the project, and sees neither its files nor what they became.
  const shown = TAB_LABELS.filter(({ value }) => can("read") || !["files", "published"].includes(value));
  const first = shown[0]?.value ?? "people";
  const current = shown.find(({ value }) => value === tab)?.value ?? first;
  const panel: Record<ProjectTab, () => ReactNode> = {
    files: () => <FilesSection project={project} />,
    people: () => (
      <Stack gap="lg">
        <MembersSection project={project} canManage={can("manage_members")} />
        {can("manage_members") && <InvitationsSection projectId={project.id} />}
      </Stack>
    ),
    published: () => <PublishedSection project={project} />,
    activity: () => <ActivitySection projectId={project.id} />,
    usage: () => <UsageSection projectId={project.id} />,
    settings: () => <SettingsSection project={project} />,
  };
  return (
    <Tabs
      value={current}
      keepMounted={false}
      onChange={(value) => void navigate({ search: value === first ? {} : { tab: value as ProjectTab } })}
    >
      <Tabs.List mb="md" aria-label="Parts of the project">
        {shown.map(({ value, label }) => (
          <Tabs.Tab key={value} value={value}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {shown.map(({ value }) => (
        <Tabs.Panel key={value} value={value}>
          {panel[value]()}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

function DetailsSection({ project }: { project: Project }) {
  const rows = [
    ["Your role", project.role ? roleLabel(project.role) : "Administrator, not a member"],
    ["Last changed", <TimeAgo key="changed" at={project.updated_at} />],
    ["Created", <TimeAgo key="created" at={project.created_at} />],
  ] as const;
  return (
    <Section title="Details">
      <Stack component="dl" gap="xs" m={0}>
        {rows.map(([term, value]) => (
          <Group key={term} justify="space-between" gap="sm">
            <Text component="dt" size="sm" c="dimmed">
              {term}
            </Text>
            <Text component="dd" size="sm" m={0}>
              {value}
            </Text>
          </Group>
        ))}
      </Stack>
    </Section>
  );
}

function ProjectMenu({ project }: { project: Project }) {
  const [editing, edit] = useDisclosure(false);
  const [leaving, leave] = useDisclosure(false);
  const [copying, copy] = useDisclosure(false);
  const update = useUpdateProject(project.id);
  const moveToTrash = useMoveToTrash(project);
  const isArchived = Boolean(project.archived_at);
  const can = (capability: Capability) => project.capabilities.includes(capability);
  return (
    <>
      <Menu position="bottom-end" width={220}>
        <Menu.Target>
          <ActionIcon variant="default" size={36} aria-label="More actions for this project">
            <IconDotsVertical size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {can("manage_project") && (
            <Menu.Item leftSection={<IconPencil size={18} />} onClick={edit.open}>
              Rename or describe
            </Menu.Item>
          )}
          {can("read") && (
            <Menu.Item leftSection={<IconCopy size={18} />} onClick={copy.open}>
              Copy to a new project
            </Menu.Item>
          )}
          {can("manage_project") && (
            <Menu.Item
              leftSection={<IconArchive size={18} />}
              onClick={() => update.mutate({ archived: !isArchived }, { onError: notifyProblem })}
            >
              {isArchived ? "Take out of the archive" : "Archive"}
            </Menu.Item>
          )}
          {project.role && (
            <Menu.Item leftSection={<IconDoorExit size={18} />} onClick={leave.open}>
              Leave project
            </Menu.Item>
          )}
          {can("delete_project") && (
            <Menu.Item color="red" leftSection={<IconTrash size={18} />} onClick={moveToTrash}>
              Move to the trash
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <EditProject project={project} opened={editing} onClose={edit.close} />
      <LeaveProject project={project} opened={leaving} onClose={leave.close} />
      <NewProject
        opened={copying}
        onClose={copy.close}
        copy={{
          name: `Copy of ${project.name}`.slice(0, 120),
          source: { project_id: project.id, path: "", git_ref: "" },
        }}
      />
    </>
  );
}

interface DialogProps {
  project: Project;
  opened: boolean;
  onClose: () => void;
}

function EditProject({ project, opened, onClose }: DialogProps) {
  const update = useUpdateProject(project.id);
  return (
    <ProjectDialog
      opened={opened}
      title="Rename or describe"
      action="Save"
      initial={{ name: project.name, description: project.description }}
      error={update.error}
      busy={update.isPending}
      onClose={() => {
        update.reset();
        onClose();
      }}
      onSubmit={(details) => update.mutate(details, { onSuccess: onClose })}
    />
  );
}

function LeaveProject({ project, opened, onClose }: DialogProps) {
  const { data: me } = useQuery(meQuery);
  const { mutateAsync } = useRemoveMember(project.id);
  const navigate = useNavigate();
  const leave = async () => {
    if (!me) return;
    await mutateAsync({ name: me.name, isSelf: true });
    notifyDone(`You left “${project.name}”.`);
    await navigate({ to: "/" });
  };
  return (
    <ConfirmDialog
      opened={opened}
      title={`Leave “${project.name}”?`}
      action="Leave project"
      onConfirm={leave}
      onClose={onClose}
    >
      <Text size="sm">
        You will no longer see its files. The project stays with its other members; an owner can add you
        again.
      </Text>
    </ConfirmDialog>
  );
}

/** Delete a project; nothing is asked, because it can be taken back. */
function useMoveToTrash(project: Project): () => void {
  const remove = useDeleteProject(project.id);
  const restore = useRestoreProject();
  const navigate = useNavigate();
  // The page may be gone when these are done: their promises tell, not the callbacks of the page.
  const undo = () =>
    void restore
      .mutateAsync(project.id)
      .then(() => notifyDone(`“${project.name}” is back.`))
      .catch(notifyProblem);
  return () =>
    void remove
      .mutateAsync()
      .then(() => {
        notifyUndo(`“${project.name}” was moved to the trash.`, undo);
        return navigate({ to: "/" });
      })
      .catch(notifyProblem);
}

function Unavailable({ error, onRetry }: { error: Error; onRetry: () => unknown }) {
  const { status } = asApiError(error);
  usePageTitle("Project");
  if (status !== 404) return <ProblemAlert error={error} onRetry={onRetry} />;
  return (
    <EmptyState
      order={1}
      title="No such project"
      icon={<IconFolderQuestion size={44} stroke={1.2} />}
      action={<LinkButton to="/">To your projects</LinkButton>}
    >
      It was deleted, or you are not a member. If somebody sent you this address, ask them to add you.
    </EmptyState>
  );
}

function PageSkeleton() {
  return (
    <Stack gap="lg" role="status" aria-label="Loading the project">
      <Skeleton height={32} width="45%" />
      <Skeleton height={12} width="70%" />
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Skeleton height={240} />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Skeleton height={160} />
        </Grid.Col>
      </Grid>
    </Stack>
  );
}
