import {
  ActionIcon,
  Anchor,
  Breadcrumbs,
  Button,
  FileButton,
  Menu,
  Progress,
  Skeleton,
  Stack,
  Text,
} from "@mantine/core";
import {
  IconDotsVertical,
  IconDownload,
  IconExternalLink,
  IconFile,
  IconFolder,
  IconFolderOpen,
  IconNotebook,
  IconUpload,
  IconWorld,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState, type DragEvent } from "react";
import { downloadUrl, filesQuery, type FileEntry } from "@/api/files";
import type { Project } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { MenuLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { SearchField } from "@/components/SearchField";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { fileSize } from "@/lib/sizes";
import { FoundFiles } from "./FoundFiles";
import { PublishDialog } from "./PublishDialog";
import { UploadList, useUploads } from "./uploads";

const route = getRouteApi("/projects/$projectId");

/** The files of a project: look around, search, upload, download, publish; no server is needed. */
export function FilesSection({ project }: { project: Project }) {
  const { folder = "", find = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const canWrite = project.capabilities.includes("write");
  const uploads = useUploads(project.id, folder);
  const [dropping, setDropping] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setDropping(false);
    uploads.add([...event.dataTransfer.files]);
  };
  const dropzone = canWrite
    ? {
        onDragOver: (event: DragEvent) => {
          event.preventDefault();
          setDropping(true);
        },
        onDragLeave: () => setDropping(false),
        onDrop: drop,
        className: dropping ? "drop-here" : "",
      }
    : {};
  return (
    <Section
      title="Files"
      {...(canWrite
        ? {
            action: (
              <FileButton multiple onChange={uploads.add}>
                {(props) => (
                  <Button {...props} size="sm" variant="default" leftSection={<IconUpload size={16} />}>
                    Upload
                  </Button>
                )}
              </FileButton>
            ),
          }
        : {})}
    >
      <Stack gap="md" {...dropzone}>
        <SearchField
          label="Search in the files"
          placeholder="Search names, texts and notebooks"
          initial={find}
          onSearch={(text) =>
            void navigate({
              search: { ...(folder ? { folder } : {}), ...(text ? { find: text } : {}) },
              replace: true,
            })
          }
        />
        <UploadList uploads={uploads} />
        {find ? (
          <FoundFiles projectId={project.id} text={find} />
        ) : (
          <Folder project={project} path={folder} />
        )}
      </Stack>
    </Section>
  );
}

function Folder({ project, path }: { project: Project; path: string }) {
  const query = useQuery(filesQuery(project.id, path));
  if (query.isPending) return <Skeleton height={120} />;
  if (query.isError && !query.data) return <ProblemAlert error={query.error} onRetry={query.refetch} />;
  const { items, used_bytes: used, limit_bytes: limit } = query.data;
  return (
    <>
      {path && <Trail projectId={project.id} path={path} />}
      {items.length === 0 ? (
        <EmptyState
          title={path ? "This folder is empty" : "No files yet"}
          icon={<IconFolderOpen size={40} stroke={1.2} />}
        >
          {project.capabilities.includes("write")
            ? "Drop files here to upload them, or open the project and make a notebook."
            : "What the people of this project make appears here."}
        </EmptyState>
      ) : (
        <ul className="lines plain-list" aria-label="Files">
          {items.map((entry) => (
            <FileRow key={entry.path} project={project} entry={entry} />
          ))}
        </ul>
      )}
      {typeof used === "number" && <Storage used={used} limit={limit ?? null} />}
    </>
  );
}

function Trail({ projectId, path }: { projectId: string; path: string }) {
  const parts = path.split("/");
  return (
    <Breadcrumbs>
      <Anchor component={Link} to={`/projects/${projectId}`} size="sm">
        Files
      </Anchor>
      {parts.map((part, index) => (
        <FolderLink key={index} projectId={projectId} path={parts.slice(0, index + 1).join("/")}>
          {part}
        </FolderLink>
      ))}
    </Breadcrumbs>
  );
}

function FolderLink({ projectId, path, children }: { projectId: string; path: string; children: string }) {
  return (
    <Link to="/projects/$projectId" params={{ projectId }} search={{ folder: path }}>
      <Text size="sm">{children}</Text>
    </Link>
  );
}

function FileRow({ project, entry }: { project: Project; entry: FileEntry }) {
  const [publishing, setPublishing] = useState(false);
  const params = { projectId: project.id };
  const can = (capability: "publish" | "read") => project.capabilities.includes(capability);
  return (
    <li className="file-row">
      <FileIcon entry={entry} />
      {entry.is_folder ? (
        <Link to="/projects/$projectId" params={params} search={{ folder: entry.path }}>
          {entry.name}
        </Link>
      ) : (
        <Link to="/projects/$projectId/view" params={params} search={{ path: entry.path }}>
          {entry.name}
        </Link>
      )}
      <Text size="sm" c="dimmed" className="wide-only" ta="right">
        {entry.is_folder ? "" : fileSize(entry.size_bytes)}
      </Text>
      <Text size="sm" c="dimmed" className="wide-only">
        <TimeAgo at={entry.modified_at} />
      </Text>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="subtle" color="gray" aria-label={`Actions for ${entry.name}`}>
            <IconDotsVertical size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {!entry.is_folder && (
            <>
              <MenuLink
                to="/projects/$projectId/open"
                params={params}
                search={{ path: entry.path }}
                preload={false}
                leftSection={<IconExternalLink size={16} />}
              >
                Open in JupyterLab
              </MenuLink>
              <Menu.Item
                component="a"
                href={downloadUrl(project.id, entry.path)}
                download
                leftSection={<IconDownload size={16} />}
              >
                Download
              </Menu.Item>
            </>
          )}
          {can("publish") && (
            <Menu.Item leftSection={<IconWorld size={16} />} onClick={() => setPublishing(true)}>
              Publish
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <PublishDialog
        projectId={project.id}
        path={entry.path}
        name={entry.name}
        opened={publishing}
        onClose={() => setPublishing(false)}
      />
    </li>
  );
}

function FileIcon({ entry }: { entry: FileEntry }) {
  if (entry.is_folder) return <IconFolder size={18} aria-label="Folder" />;
  if (entry.name.endsWith(".ipynb")) return <IconNotebook size={18} aria-label="Notebook" />;
  return <IconFile size={18} aria-label="File" />;
}

function Storage({ used, limit }: { used: number; limit: number | null }) {
  if (limit === null)
    return (
      <Text size="xs" c="dimmed">
        {fileSize(used)} in all
      </Text>
    );
  const percent = limit === 0 ? 100 : Math.min((used / limit) * 100, 100);
  return (
    <div>
      <Progress value={percent} color={percent > 90 ? "red" : "ink"} size="sm" aria-label="Storage used" />
      <Text size="xs" c="dimmed" mt={4}>
        {fileSize(used)} of {fileSize(limit)} used
      </Text>
    </div>
  );
}
