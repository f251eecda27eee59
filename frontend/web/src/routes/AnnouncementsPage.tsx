import {
  Badge,
  Button,
  Group,
  Modal,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from "@mantine/core";
import { useForm } from "@mantine/form";
import { useDisclosure } from "@mantine/hooks";
import { IconSpeakerphone } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  announcementsQuery,
  useCreateAnnouncement,
  useDeleteAnnouncement,
  useUpdateAnnouncement,
  type Announcement,
} from "@/api/accounts";
import { ConfirmDialog } from "@/components/ConfirmDialog";
import { EmptyState } from "@/components/EmptyState";
import { PagedList } from "@/components/PagedList";
import { ProblemAlert } from "@/components/ProblemAlert";
import { fullTime } from "@/lib/time";
import { useNow } from "@/lib/useNow";
import { usePageTitle } from "@/lib/usePageTitle";
import { AdminSection } from "./AdminSection";

/** What everybody is told, for administrators. */
export function AnnouncementsPage() {
  usePageTitle("Announcements");
  return <AdminSection>{() => <Announcements />}</AdminSection>;
}

function Announcements() {
  const query = useInfiniteQuery(announcementsQuery);
  const [editing, setEditing] = useState<Announcement | "new">();
  return (
    <>
      <Group justify="space-between">
        <div>
          <Title order={1}>Announcements</Title>
          <Text c="dimmed" size="sm">
            Shown above every page and on the sign-in page, between two moments.
          </Text>
        </div>
        <Button leftSection={<IconSpeakerphone size={18} />} onClick={() => setEditing("new")}>
          New announcement
        </Button>
      </Group>
      <PagedList
        query={query}
        label="Announcements"
        more="Show older ones"
        empty={
          <EmptyState title="Nothing announced" icon={<IconSpeakerphone size={44} stroke={1.2} />}>
            Tell everybody about maintenance, new features or deadlines.
          </EmptyState>
        }
      >
        {(item) => <Row key={item.id} item={item} onEdit={() => setEditing(item)} />}
      </PagedList>
      <Modal
        opened={editing !== undefined}
        onClose={() => setEditing(undefined)}
        title={editing === "new" ? "New announcement" : "Change the announcement"}
      >
        {editing !== undefined && (
          <AnnouncementForm
            {...(editing === "new" ? {} : { item: editing })}
            onClose={() => setEditing(undefined)}
          />
        )}
      </Modal>
    </>
  );
}

function Row({ item, onEdit }: { item: Announcement; onEdit: () => void }) {
  const remove = useDeleteAnnouncement();
  const [asking, ask] = useDisclosure(false);
  return (
    <li>
      <Group px="lg" py="sm" justify="space-between" wrap="nowrap" align="flex-start">
        <div style={{ minWidth: 0 }}>
          <Text size="sm" style={{ whiteSpace: "pre-line" }}>
            {item.text}
          </Text>
          <Group gap="xs" mt={4}>
            <StateBadge item={item} />
            <Text size="xs" c="dimmed">
              from {fullTime(new Date(item.starts_at))}
              {item.ends_at ? ` to ${fullTime(new Date(item.ends_at))}` : ", without an end"} ·{" "}
              {item.created_by}
            </Text>
          </Group>
        </div>
        <Group gap={4} wrap="nowrap">
          <Button variant="subtle" size="xs" onClick={onEdit}>
            Edit
          </Button>
          <Button variant="subtle" size="xs" color="red" onClick={ask.open}>
            Delete
          </Button>
        </Group>
      </Group>
      <ConfirmDialog
        opened={asking}
        title="Delete this announcement?"
        action="Delete"
        onConfirm={() => remove.mutateAsync(item.id)}
        onClose={ask.close}
      >
        <Text size="sm">It disappears from all pages within a minute.</Text>
      </ConfirmDialog>
    </li>
  );
}

function StateBadge({ item }: { item: Announcement }) {
  const now = useNow();
  if (new Date(item.starts_at) > now) return <Badge color="ink">Comes</Badge>;
  if (item.ends_at && new Date(item.ends_at) <= now) return <Badge color="gray">Over</Badge>;
  return <Badge color="green">Shown now</Badge>;
}

function AnnouncementForm({ item, onClose }: { item?: Announcement; onClose: () => void }) {
  const create = useCreateAnnouncement();
  const update = useUpdateAnnouncement();
  const form = useForm({
    initialValues: {
      text: item?.text ?? "",
      level: item?.level ?? "info",
      starts_at: item ? asLocal(item.starts_at) : "",
      ends_at: item?.ends_at ? asLocal(item.ends_at) : "",
    },
    validate: {
      text: (text) => (text.trim() ? null : "Say what everybody shall know."),
      ends_at: (end, { starts_at }) =>
        end && new Date(end) <= (starts_at ? new Date(starts_at) : new Date())
          ? "It ends before it starts."
          : null,
    },
  });
  const submit = form.onSubmit(({ text, level, starts_at, ends_at }) => {
    const body = {
      text: text.trim(),
      level,
      ...(starts_at ? { starts_at: new Date(starts_at).toISOString() } : {}),
      ends_at: ends_at ? new Date(ends_at).toISOString() : null,
    };
    if (item) update.mutate({ id: item.id, ...body }, { onSuccess: onClose });
    else create.mutate(body, { onSuccess: onClose });
  });
  const error = create.error ?? update.error;
  return (
    <form onSubmit={submit}>
      <Stack>
        <Textarea
          label="Text"
          placeholder="The platform is upgraded on Saturday from 8 to 10. Save your work before."
          autosize
          minRows={3}
          maxLength={1000}
          data-autofocus
          {...form.getInputProps("text")}
        />
        <SegmentedControl
          aria-label="How important"
          data={[
            { value: "info", label: "Note" },
            { value: "warning", label: "Warning" },
          ]}
          {...form.getInputProps("level")}
        />
        <Group grow align="flex-start">
          <TextInput
            type="datetime-local"
            label="From"
            description="Empty: from now on."
            {...form.getInputProps("starts_at")}
          />
          <TextInput
            type="datetime-local"
            label="To"
            description="Empty: until it is deleted."
            {...form.getInputProps("ends_at")}
          />
        </Group>
        {error && <ProblemAlert error={error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={create.isPending || update.isPending}>
            {item ? "Save" : "Announce"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** A moment as a `datetime-local` field has it: the browser's own time, to the minute. */
function asLocal(moment: string): string {
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
