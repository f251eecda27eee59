import { Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { publicationQuery } from "@/api/projectLife";
import { ProblemAlert } from "@/components/ProblemAlert";
import { usePageTitle } from "@/lib/usePageTitle";
import { NewProjectForm } from "../project/NewProject";

const route = getRouteApi("/copy");

/** Make a project of one's own from what somebody published. */
export function CopyPage() {
  usePageTitle("Copy to a new project");
  const { from = "" } = route.useSearch();
  const query = useQuery({ ...publicationQuery(from), retry: false });
  const navigate = useNavigate();
  if (query.isPending) return <Skeleton height={240} maw="34rem" w="100%" mx="auto" mt="xl" />;
  if (query.isError) return <ProblemAlert error={query.error} onRetry={query.refetch} />;
  const { title, files, published_by: by, id } = query.data;
  return (
    <Paper p="xl" maw="34rem" w="100%" mx="auto" mt="xl">
      <Stack>
        <Title order={1} size="h2">
          Copy “{title}”
        </Title>
        <Text size="sm" c="dimmed">
          {files.length === 1 ? "1 file" : `${files.length} files`}, published by {by.display_name}. The copy
          is yours: what you change in it stays with you.
        </Text>
        <NewProjectForm
          copy={{ name: title.slice(0, 120), source: { publication_id: id, path: "", git_ref: "" } }}
          onClose={() => void navigate({ to: "/" })}
        />
      </Stack>
    </Paper>
  );
}
