import { Button, Group, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import { IconLinkOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { asApiError } from "@/api/errors";
import { invitationQuery, useAcceptInvitation } from "@/api/projectLife";
import { EmptyState } from "@/components/EmptyState";
import { LinkButton } from "@/components/links";
import { ProblemAlert } from "@/components/ProblemAlert";
import { roleLabel, ROLES } from "@/lib/roles";
import { usePageTitle } from "@/lib/usePageTitle";

const route = getRouteApi("/join/$token");

/** What an invitation link leads to: the project's name, the role, and a button to join. */
export function JoinPage() {
  usePageTitle("Invitation");
  const { token } = route.useParams();
  const query = useQuery(invitationQuery(token));
  const accept = useAcceptInvitation(token);
  const navigate = useNavigate();
  if (query.isPending) return <Skeleton height={180} maw="34rem" w="100%" mx="auto" mt="xl" />;
  if (query.isError) {
    const { status, detail } = asApiError(query.error);
    if (status !== 404) return <ProblemAlert error={query.error} onRetry={query.refetch} />;
    return (
      <EmptyState
        order={1}
        title="This invitation does not work"
        icon={<IconLinkOff size={44} stroke={1.2} />}
        action={<LinkButton to="/">To your projects</LinkButton>}
      >
        {detail}
      </EmptyState>
    );
  }
  const { project_name: name, role, invited_by: by, member_count: count, project_id: own } = query.data;
  return (
    <Paper p="xl" maw="34rem" w="100%" mx="auto" mt="xl">
      <Stack>
        <Title order={1} size="h2">
          {name}
        </Title>
        <Text>
          {by.display_name} invites you to this project as {roleLabel(role).toLowerCase()}
          {count > 1 ? `, with ${count} other people` : ""}.
        </Text>
        <Text size="sm" c="dimmed">
          {ROLES.find(({ value }) => value === role)?.means}.
        </Text>
        {accept.error && <ProblemAlert error={accept.error} />}
        <Group>
          {own ? (
            <LinkButton to="/projects/$projectId" params={{ projectId: own }}>
              You are a member already: to the project
            </LinkButton>
          ) : (
            <Button
              loading={accept.isPending}
              onClick={() =>
                accept.mutate(undefined, {
                  onSuccess: ({ id }) =>
                    void navigate({ to: "/projects/$projectId", params: { projectId: id } }),
                })
              }
            >
              Join the project
            </Button>
          )}
          <LinkButton to="/" variant="default">
            Not now
          </LinkButton>
        </Group>
      </Stack>
    </Paper>
  );
}
