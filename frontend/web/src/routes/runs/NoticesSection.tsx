import { Button, Group, Modal, SegmentedControl, Select, Stack, Text, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ProblemAlert } from "@/components/ProblemAlert";
import { SecretDialog } from "@/components/SecretDialog";
import { Section } from "@/components/Section";
import { automationQuery, type PipelineInfo } from "./api";
import { useAutomation, type Notice, type NoticeCreate } from "./automation";
import { RemoveButton } from "./RemoveButton";

const WHEN: readonly { value: Notice["on"]; label: string }[] = [
  { value: "failure", label: "A run fails" },
  { value: "success", label: "A run ends well" },
  { value: "end", label: "A run ends" },
];

interface Props {
  projectId: string;
  pipelines: readonly PipelineInfo[];
  members: readonly { name: string; display_name: string }[];
  canRun: boolean;
}

/** Who is told how the runs of a project end. */
export function NoticesSection({ projectId, canRun, ...choices }: Props) {
  const [adding, add] = useDisclosure(false);
  const [secret, setSecret] = useState<string>();
  const query = useQuery(automationQuery(projectId));
  const { remove } = useAutomation(projectId);
  const button = canRun && (
    <Button
      variant="default"
      size="xs"
      leftSection={<IconPlus size={16} />}
      aria-label="Add notice"
      onClick={add.open}
    >
      Add
    </Button>
  );
  return (
    <Section title="Notices" action={button}>
      {query.data?.notices.length === 0 && (
        <Text size="sm" c="dimmed">
          Nobody is told how runs end.
        </Text>
      )}
      <Stack gap="sm">
        {query.data?.notices.map((notice) => (
          <div key={notice.id}>
            <Text size="sm" fw={600}>
              {notice.target}
            </Text>
            <Text size="sm" c="dimmed">
              {notice.kind === "email" ? "by mail" : "webhook"} ·{" "}
              {WHEN.find((w) => w.value === notice.on)?.label.toLowerCase()}
              {notice.pipeline && ` of ${notice.pipeline}`}
            </Text>
            {notice.last_status && (
              <Text size="sm" c={/: (failed|not sent)/.test(notice.last_status) ? "red" : "dimmed"}>
                {notice.last_status}
              </Text>
            )}
            {canRun && (
              <RemoveButton
                what={`the notice to ${notice.target}`}
                onRemove={() => remove.mutateAsync(notice.id)}
              >
                Nothing more is sent there.
              </RemoveButton>
            )}
          </div>
        ))}
      </Stack>
      <Modal opened={adding} onClose={add.close} title="New notice">
        <NoticeForm
          projectId={projectId}
          {...choices}
          onMade={(made) => {
            setSecret(made.secret ?? undefined);
            add.close();
          }}
        />
      </Modal>
      <SecretDialog title="Webhook" label="Secret" secret={secret} onClose={() => setSecret(undefined)}>
        What is sent is signed with this secret: the header X-Collegium-Signature holds the time and the
        HMAC-SHA256 of “time.body”. It is shown this once.
      </SecretDialog>
    </Section>
  );
}

interface FormProps extends Omit<Props, "canRun"> {
  onMade: (made: Notice) => void;
}

function NoticeForm({ projectId, pipelines, members, onMade }: FormProps) {
  const [kind, setKind] = useState<Notice["kind"]>("email");
  const [member, setMember] = useState(members[0]?.name ?? "");
  const [address, setAddress] = useState("");
  const [on, setOn] = useState<Notice["on"]>("failure");
  const [pipeline, setPipeline] = useState("");
  const { addNotice } = useAutomation(projectId);
  const body: NoticeCreate = { kind, target: kind === "email" ? member : address.trim(), on, pipeline };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        addNotice.mutate(body, { onSuccess: onMade });
      }}
    >
      <Stack>
        <SegmentedControl
          aria-label="How"
          data={[
            { value: "email", label: "Mail" },
            { value: "webhook", label: "Webhook" },
          ]}
          value={kind}
          onChange={(value) => setKind(value === "webhook" ? "webhook" : "email")}
        />
        {kind === "email" ? (
          <Select
            label="To"
            description="Goes to the member's confirmed address"
            data={members.map(({ name, display_name }) => ({ value: name, label: display_name || name }))}
            value={member}
            onChange={(value) => setMember(value ?? "")}
            allowDeselect={false}
          />
        ) : (
          <TextInput
            label="Address"
            description="Begins with https:// and is reachable from the platform"
            placeholder="https://chat.example.org/hooks/…"
            value={address}
            onChange={(event) => setAddress(event.currentTarget.value)}
            required
          />
        )}
        <Select
          label="When"
          data={WHEN}
          value={on}
          onChange={(value) => setOn(WHEN.find((when) => when.value === value)?.value ?? "failure")}
          allowDeselect={false}
        />
        <Select
          label="Of"
          data={[
            { value: "", label: "Everything that runs here" },
            ...pipelines.map(({ name }) => ({ value: name, label: name })),
          ]}
          value={pipeline}
          onChange={(value) => setPipeline(value ?? "")}
          allowDeselect={false}
        />
        {addNotice.error && <ProblemAlert error={addNotice.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={addNotice.isPending}>
            Add notice
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
