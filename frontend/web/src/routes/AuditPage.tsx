import { Button, Code, Group, Text, TextInput, Title } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconDownload } from "@tabler/icons-react";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { auditExportUrl, auditQuery, type AuditFilter, type AuditEntry } from "@/api/accounts";
import { EmptyState } from "@/components/EmptyState";
import { PagedList } from "@/components/PagedList";
import { fullTime } from "@/lib/time";
import { usePageTitle } from "@/lib/usePageTitle";
import { AdminSection } from "./AdminSection";

const TYPING_PAUSE_MS = 300;

/** Who did what, for administrators. */
export function AuditPage() {
  usePageTitle("Audit log");
  return <AdminSection>{() => <Audit />}</AdminSection>;
}

interface Typed {
  actor: string;
  action: string;
  subject: string;
  since: string;
  until: string;
}

function Audit() {
  const [typed, setTyped] = useState<Typed>({ actor: "", action: "", subject: "", since: "", until: "" });
  const [settled] = useDebouncedValue(typed, TYPING_PAUSE_MS);
  const filter = asFilter(settled);
  const query = useInfiniteQuery({ ...auditQuery(filter), placeholderData: keepPreviousData });
  const field = (name: keyof Typed) => ({
    value: typed[name],
    // React gives the event's target back before the state is set.
    onChange: ({ currentTarget: { value } }: React.ChangeEvent<HTMLInputElement>) =>
      setTyped((now) => ({ ...now, [name]: value })),
  });
  return (
    <>
      <Group justify="space-between">
        <div>
          <Title order={1}>Audit log</Title>
          <Text c="dimmed" size="sm">
            Who did what, when. Lines are only ever added.
          </Text>
        </div>
        <Button
          component="a"
          href={auditExportUrl(filter)}
          download
          variant="default"
          leftSection={<IconDownload size={18} />}
        >
          Export as CSV
        </Button>
      </Group>
      <Group component="section" aria-label="Filter" align="flex-end" gap="sm">
        <TextInput label="Who" placeholder="User name" {...field("actor")} flex="1 1 9rem" />
        <TextInput
          label="Action"
          placeholder="user, project.create, …"
          {...field("action")}
          flex="1 1 9rem"
        />
        <TextInput
          label="On what"
          placeholder="User name or project id"
          {...field("subject")}
          flex="1 1 9rem"
        />
        <TextInput label="From" type="date" {...field("since")} flex="0 1 9.5rem" />
        <TextInput label="To" type="date" {...field("until")} flex="0 1 9.5rem" />
      </Group>
      <PagedList
        query={query}
        label="Audit log"
        isOrdered
        more="Show older lines"
        empty={<EmptyState title="No lines">Nothing matches the filter.</EmptyState>}
      >
        {(line) => <AuditRow key={line.id} line={line} />}
      </PagedList>
    </>
  );
}

function AuditRow({ line }: { line: AuditEntry }) {
  return (
    <li className="audit-row">
      <Text size="sm" c="dimmed">
        <time dateTime={line.at}>{fullTime(new Date(line.at))}</time>
      </Text>
      <Text size="sm" fw={550}>
        {line.actor}
      </Text>
      <div>
        <Code>{line.action}</Code>
      </div>
      <Text size="sm">
        {line.subject}
        {line.detail && (
          <Text span c="dimmed" inherit>
            {line.subject && " · "}
            {line.detail}
          </Text>
        )}
      </Text>
    </li>
  );
}

function asFilter({ actor, action, subject, since, until }: Typed): AuditFilter {
  const words = { actor: actor.trim(), action: action.trim(), subject: subject.trim() };
  const times = { since: since && dayStart(since, 0), until: until && dayStart(until, 1) };
  return Object.fromEntries(Object.entries({ ...words, ...times }).filter(([, value]) => value !== ""));
}

/** The start of a day in the reader's time zone, or of one some days later. */
function dayStart(day: string, later: number): string {
  const start = new Date(`${day}T00:00:00`);
  start.setDate(start.getDate() + later);
  return start.toISOString();
}
