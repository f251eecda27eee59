import { Button, Group, Paper, Progress, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useTimeout } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { projectQuery } from "@/api/queries";
import { useServerStart } from "@/api/serverStart";
import type { Project } from "@/api/types";
import { EmptyState } from "@/components/EmptyState";
import { LinkButton, TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { labUrl } from "@/lib/paths";
import { usePageTitle } from "@/lib/usePageTitle";

const route = getRouteApi("/projects/$projectId/open");
const SLOW_MS = 15_000;

/** Start a project's server if it does not run, show how far it is, and go there. */
export function OpenProjectPage() {
  const { projectId } = route.useParams();
  const query = useQuery(projectQuery(projectId));
  usePageTitle(query.data ? `Opening ${query.data.name}` : "Opening");
  if (query.isError && !query.data) return <ProblemAlert error={query.error} onRetry={query.refetch} />;
  // Nothing is started before it is known that the person may go in.
  if (!query.data) return <Skeleton height={180} maw="34rem" w="100%" mx="auto" mt="xl" />;
  if (!query.data.capabilities.includes("read")) return <NotAMember project={query.data} />;
  return <Opening key={projectId} projectId={projectId} name={query.data.name} />;
}

function Opening({ projectId, name }: { projectId: string; name: string }) {
  const { path } = route.useSearch();
  const { start, run } = useServerStart(projectId);
  useEffect(() => {
    void run().then((url) => {
      // Replace: "back" from the notebook leads to where the person came from, not to this page.
      if (url) window.location.replace(labUrl(url, path));
    });
  }, [run, path]);

  return (
    <Paper p="xl" maw="34rem" w="100%" mx="auto" mt="xl">
      <Stack>
        <Title order={1} size="h2">
          {`Opening ${name}`}
        </Title>
        {start.phase === "failed" ? (
          <>
            <ProblemAlert error={start.error} />
            <Group>
              <Button
                onClick={() => void run().then((url) => url && window.location.replace(labUrl(url, path)))}
              >
                Try again
              </Button>
              <LinkButton to="/projects/$projectId" params={{ projectId }} variant="default">
                To the project
              </LinkButton>
            </Group>
          </>
        ) : (
          <>
            <Progress
              value={
                start.phase === "ready" ? 100 : start.phase === "starting" ? Math.max(start.progress, 5) : 5
              }
              aria-label="Progress of the start"
              animated
            />
            <Text size="sm" c="dimmed" aria-live="polite" mih="1.5em">
              {start.phase === "ready" && "Ready"}
              {start.phase === "starting" && start.message}
            </Text>
            <SlowNotice />
            <TextLink to="/projects/$projectId" params={{ projectId }} size="sm">
              To the project’s page
            </TextLink>
          </>
        )}
      </Stack>
    </Paper>
  );
}

function SlowNotice() {
  const [isSlow, setSlow] = useState(false);
  useTimeout(() => setSlow(true), SLOW_MS, { autoInvoke: true });
  if (!isSlow) return null;
  return (
    <Text size="sm">
      This takes longer than usual. You can wait here, or come back later: the start goes on.
    </Text>
  );
}

function NotAMember({ project }: { project: Project }) {
  return (
    <EmptyState
      order={1}
      title={`You are not a member of ${project.name}`}
      action={
        <LinkButton to="/projects/$projectId" params={{ projectId: project.id }}>
          To the project’s page
        </LinkButton>
      }
    >
      As an administrator you manage the project, but its files are for members only. Ask an owner to add you.
    </EmptyState>
  );
}
