import { Button, Group, Skeleton, Stack, Title } from "@mantine/core";
import { IconChevronLeft, IconDownload, IconExternalLink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { downloadUrl, viewQuery } from "@/api/files";
import { LinkButton, TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { usePageTitle } from "@/lib/usePageTitle";

const route = getRouteApi("/projects/$projectId/view");

/** A file to read, without a server. The page that is shown runs no script and has an origin of its own. */
export function ViewFilePage() {
  const { projectId } = route.useParams();
  const { path = "" } = route.useSearch();
  const query = useQuery(viewQuery(projectId, path));
  const name = path.split("/").at(-1) ?? path;
  const folder = path.split("/").slice(0, -1).join("/");
  usePageTitle(name);
  return (
    <Stack gap="md">
      <TextLink
        to="/projects/$projectId"
        params={{ projectId }}
        search={folder ? { folder } : {}}
        size="sm"
        underline="hover"
        className="back"
      >
        <IconChevronLeft size={16} aria-hidden="true" /> Files
      </TextLink>
      <Group justify="space-between" align="center" wrap="wrap">
        <Title order={1} size="h2">
          {name}
        </Title>
        <Group gap="xs">
          <Button
            component="a"
            href={downloadUrl(projectId, path)}
            download
            variant="default"
            leftSection={<IconDownload size={16} />}
          >
            Download
          </Button>
          <LinkButton
            to="/projects/$projectId/open"
            params={{ projectId }}
            search={{ path }}
            preload={false}
            leftSection={<IconExternalLink size={16} />}
          >
            Open in JupyterLab
          </LinkButton>
        </Group>
      </Group>
      {query.isPending && <Skeleton height={360} />}
      {query.isError && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data && (
        <iframe
          className="viewer"
          title={name}
          sandbox="allow-popups allow-popups-to-escape-sandbox"
          srcDoc={query.data.html}
        />
      )}
    </Stack>
  );
}
