import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { IconCompass } from "@tabler/icons-react";
import type { ErrorComponentProps } from "@tanstack/react-router";
import { asApiError } from "@/api/errors";
import { EmptyState } from "@/components/EmptyState";
import { LinkButton } from "@/components/links";
import { usePageTitle } from "@/lib/usePageTitle";

/** What an address shows that leads nowhere. */
export function NotFoundPage() {
  usePageTitle("Page not found");
  return (
    <EmptyState
      order={1}
      title="There is no such page"
      icon={<IconCompass size={44} stroke={1.2} />}
      action={<LinkButton to="/">To your projects</LinkButton>}
    >
      The address may have a typing error, or what it led to was deleted.
    </EmptyState>
  );
}

/** What stands in place of a page that broke. */
export function BrokenPage({ error, reset }: ErrorComponentProps) {
  usePageTitle("Something went wrong");
  return (
    <Stack gap="md" role="alert" maw="38rem">
      <Title order={1}>This page broke</Title>
      <Text>
        Your work on project servers is not affected. Load the page again; if it breaks again, tell the
        operator what you did and the words below.
      </Text>
      <Text component="pre" ff="monospace" size="sm" style={{ whiteSpace: "pre-wrap" }}>
        {asApiError(error).detail}
      </Text>
      <Group>
        <Button onClick={() => window.location.reload()}>Load again</Button>
        <LinkButton to="/" variant="default" onClick={reset}>
          To your projects
        </LinkButton>
      </Group>
    </Stack>
  );
}
