import { Badge, Button, Code, Group, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { tokensQuery, useRevokeToken, type AccessToken, type NewAccessToken } from "@/api/accounts";
import type { Me } from "@/api/types";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { PagedList } from "@/components/PagedList";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { fullTime } from "@/lib/time";
import { SecretDialog } from "@/components/SecretDialog";
import { CreateTokenDialog } from "./CreateTokenDialog";

/** Personal access tokens: listed, made, revoked. */
export function TokensSection({ me }: { me: Me }) {
  const query = useQuery(tokensQuery);
  const [creating, dialog] = useDisclosure(false);
  const [fresh, setFresh] = useState<NewAccessToken>();
  return (
    <Section
      id="tokens"
      title="API tokens"
      note="For programs that act for you. A token can do no more than its scopes and you yourself."
      action={
        <Button variant="default" size="xs" onClick={dialog.open}>
          New token
        </Button>
      }
    >
      <PagedList
        query={query}
        label="API tokens"
        isBare
        empty={
          <Text size="sm" c="dimmed">
            You have no tokens. Programs send one as <Code>Authorization: Bearer …</Code>
          </Text>
        }
      >
        {(token) => <TokenRow key={token.id} token={token} />}
      </PagedList>
      <CreateTokenDialog
        opened={creating}
        isAdmin={me.is_admin}
        onClose={dialog.close}
        onCreated={setFresh}
      />
      <SecretDialog
        title={`Token “${fresh?.name ?? ""}”`}
        label="Token"
        secret={fresh?.token}
        onClose={() => setFresh(undefined)}
      >
        Copy it now: it is not shown again. Whoever has it can act for you, so treat it like a password.
      </SecretDialog>
    </Section>
  );
}

function TokenRow({ token }: { token: AccessToken }) {
  const revoke = useRevokeToken();
  const [asking, ask] = useDisclosure(false);
  return (
    <li>
      <Group py="sm" wrap="nowrap" justify="space-between">
        <div style={{ minWidth: 0 }}>
          <Group gap="xs">
            <Text size="sm" fw={550}>
              {token.name}
            </Text>
            {token.scopes.map((scope) => (
              <Badge key={scope} color={scope === "admin" ? "red" : "ink"}>
                {scope}
              </Badge>
            ))}
            {token.is_expired && <Badge color="yellow">Expired</Badge>}
          </Group>
          <Text size="xs" c="dimmed">
            <Code>{token.hint}…</Code> · {expiry(token)} ·{" "}
            {token.last_used_at ? (
              <>
                last used <TimeAgo at={token.last_used_at} />
              </>
            ) : (
              "never used"
            )}
          </Text>
        </div>
        <Button
          variant="subtle"
          color="red"
          size="xs"
          aria-label={`Revoke ${token.name}`}
          onClick={ask.open}
          style={{ flex: "none" }}
        >
          Revoke
        </Button>
      </Group>
      <ConfirmDialog
        opened={asking}
        title={`Revoke “${token.name}”?`}
        action="Revoke"
        onConfirm={() => revoke.mutateAsync(token.id)}
        onClose={ask.close}
      >
        <Text size="sm">Programs that use it stop working at once.</Text>
      </ConfirmDialog>
    </li>
  );
}

function expiry({ expires_at, is_expired }: AccessToken): string {
  if (expires_at === null) return "works until it is revoked";
  return `${is_expired ? "expired" : "expires"} ${fullTime(new Date(expires_at))}`;
}
