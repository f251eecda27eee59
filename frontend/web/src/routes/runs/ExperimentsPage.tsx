import { List, Skeleton, Stack, Title } from "@mantine/core";
import { IconChartDots, IconChevronLeft } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { EmptyState } from "@/components/EmptyState";
import { TextLink } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { usePageTitle } from "@/lib/usePageTitle";
import { experimentsQuery } from "./api";

const route = getRouteApi("/projects/$projectId/experiments");

/** The experiments of a project. */
export function ExperimentsPage() {
  const { projectId } = route.useParams();
  const query = useQuery(experimentsQuery(projectId));
  usePageTitle("Experiments");
  return (
    <Stack gap="lg">
      <Stack gap="xs">
        <TextLink
          to="/projects/$projectId/runs"
          params={{ projectId }}
          size="sm"
          underline="hover"
          className="back"
        >
          <IconChevronLeft size={16} aria-hidden="true" /> Runs
        </TextLink>
        <Title order={1}>Experiments</Title>
      </Stack>
      <Section title="In this project">
        {query.isPending && <Skeleton height={80} />}
        {query.isError && <ProblemAlert error={query.error} onRetry={query.refetch} />}
        {query.data?.items.length === 0 && (
          <EmptyState title="No experiments yet" icon={<IconChartDots size={44} stroke={1.2} />}>
            An experiment varies parameters and asks what came out: make one with the Python client or the
            HTTP API, ask for a suggestion, try it, report what you saw.
          </EmptyState>
        )}
        <List listStyleType="none" spacing="xs">
          {query.data?.items.map((name) => (
            <List.Item key={name}>
              <TextLink to="/projects/$projectId/experiments/$name" params={{ projectId, name }} fw={600}>
                {name}
              </TextLink>
            </List.Item>
          ))}
        </List>
      </Section>
    </Stack>
  );
}
