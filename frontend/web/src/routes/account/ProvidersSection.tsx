import { Badge, Button, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { providersQuery, useUnlinkProvider, type LinkedProvider } from "@/api/accounts";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { PagedList } from "@/components/PagedList";
import { Section } from "@/components/Section";

/** The providers that one can sign in with; nothing where the platform has none. */
export function ProvidersSection() {
  const query = useQuery(providersQuery);
  if (query.data?.items.length === 0) return null;
  return (
    <Section
      id="providers"
      title="Other ways to sign in"
      note="An account elsewhere that opens this one. Your password keeps working."
    >
      <PagedList query={query} label="Other ways to sign in" isBare empty={null}>
        {(provider) => <ProviderRow key={provider.provider} provider={provider} />}
      </PagedList>
    </Section>
  );
}

function ProviderRow({ provider: { provider, title, is_linked, link_url } }: { provider: LinkedProvider }) {
  const unlink = useUnlinkProvider();
  const [asking, ask] = useDisclosure(false);
  return (
    <li>
      <Group py="sm" wrap="nowrap" justify="space-between">
        <Group gap="xs" miw={0}>
          <Text size="sm" fw={550}>
            {title}
          </Text>
          {is_linked && <Badge color="green">Linked</Badge>}
        </Group>
        {is_linked ? (
          <Button variant="subtle" color="red" size="xs" aria-label={`Unlink ${title}`} onClick={ask.open}>
            Unlink
          </Button>
        ) : (
          <Button component="a" href={link_url} variant="default" size="xs" aria-label={`Link ${title}`}>
            Link
          </Button>
        )}
      </Group>
      <ConfirmDialog
        opened={asking}
        title={`Unlink ${title}?`}
        action="Unlink"
        onConfirm={() => unlink.mutateAsync(provider)}
        onClose={ask.close}
      >
        <Text size="sm">You can no longer sign in here with {title}. You can link it again at any time.</Text>
      </ConfirmDialog>
    </li>
  );
}
