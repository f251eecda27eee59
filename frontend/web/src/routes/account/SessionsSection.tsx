import { Badge, Button, Group, Text } from "@mantine/core";
import { IconDeviceDesktop } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { sessionsQuery, useEndOtherSessions, useEndSession, type Session } from "@/api/accounts";
import { PagedList } from "@/components/PagedList";
import { Section } from "@/components/Section";
import { TimeAgo } from "@/components/TimeAgo";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { describeBrowser } from "@/lib/userAgent";

const METHODS: Readonly<Record<string, string>> = {
  password: "with the password",
  link: "with a link",
  reset: "after a new password",
  sign_up: "when the account was made",
};

/** Where one is signed in. */
export function SessionsSection() {
  const query = useQuery(sessionsQuery);
  const endOthers = useEndOtherSessions();
  const others = query.data?.items.filter((session) => !session.is_current).length ?? 0;
  return (
    <Section
      id="sessions"
      title="Devices"
      note="Where you are signed in. Whoever you do not recognise, sign out and change your password."
      action={
        others > 0 && (
          <Button
            variant="default"
            size="xs"
            loading={endOthers.isPending}
            onClick={() =>
              endOthers.mutate(undefined, {
                onSuccess: () => notifyDone("All other devices are signed out."),
                onError: notifyProblem,
              })
            }
          >
            Sign out all others
          </Button>
        )
      }
    >
      <PagedList query={query} label="Devices" isBare empty={null}>
        {(session) => <SessionRow key={session.id} session={session} />}
      </PagedList>
    </Section>
  );
}

function SessionRow({ session }: { session: Session }) {
  const end = useEndSession();
  const device = describeBrowser(session.user_agent);
  return (
    <li>
      <Group py="sm" wrap="nowrap" justify="space-between">
        <Group wrap="nowrap" gap="sm" miw={0}>
          <IconDeviceDesktop size={22} stroke={1.4} aria-hidden="true" style={{ flex: "none" }} />
          <div style={{ minWidth: 0 }}>
            <Group gap="xs">
              <Text size="sm" fw={550}>
                {device}
              </Text>
              {session.is_current && <Badge color="green">This device</Badge>}
            </Group>
            <Text size="xs" c="dimmed">
              {session.address && `${session.address} · `}signed in <TimeAgo at={session.created_at} />{" "}
              {METHODS[session.method] ?? `with ${session.method}`} · last used{" "}
              <TimeAgo at={session.last_seen_at} />
            </Text>
          </div>
        </Group>
        {!session.is_current && (
          <Button
            variant="subtle"
            color="red"
            size="xs"
            loading={end.isPending}
            aria-label={`Sign out ${device}`}
            onClick={() => end.mutate(session.id, { onError: notifyProblem })}
            style={{ flex: "none" }}
          >
            Sign out
          </Button>
        )}
      </Group>
    </li>
  );
}
