import { Anchor, Button, Group, List, Skeleton, Stack, Tabs, Text } from "@mantine/core";
import { IconDownload, IconExternalLink } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { apiBase } from "@/lib/paths";
import { itemQuery, pageQuery, useCopyItem, type RunItem } from "./api";
import { shown } from "./results";

interface Props {
  projectId: string;
  runId: string;
  item: RunItem;
  canWrite: boolean;
}

/** One notebook of a run: its record opened at the failing cell, what it printed and wrote. */
export function ItemView({ projectId, runId, item, canWrite }: Props) {
  const name = { projectId, runId, step: item.step, index: item.index };
  // What was read of an item that runs, or is resumed, is not what it will be.
  const version = `${item.status}-${item.ended_at ?? ""}-${String(item.attempts)}`;
  const detail = useQuery({
    ...itemQuery(name, version),
    refetchInterval: item.status === "running" ? 2000 : false,
  });
  const copy = useCopyItem(name);
  const log = detail.data?.log ?? "";
  const navigate = useNavigate();
  const address = `${apiBase}/runs/${projectId}/${runId}/${item.step}/${item.index}`;
  const open = async () => {
    const made = await copy.mutateAsync().catch(notifyProblem);
    if (!made) return;
    notifyDone(`Copied to ${made.path}.`);
    await navigate({ to: "/projects/$projectId/open", params: { projectId }, search: { path: made.path } });
  };
  const title = item.item === null ? item.step : `${item.step} [${shown(item.item)}]`;
  return (
    <Section title={title}>
      <Group gap="xs" mb="md">
        {canWrite && item.has_record && (
          <Button
            leftSection={<IconExternalLink size={16} />}
            loading={copy.isPending}
            onClick={() => void open()}
          >
            Open in my project with these inputs
          </Button>
        )}
        {item.has_record && (
          <Button
            component="a"
            href={`${address}/record`}
            variant="default"
            leftSection={<IconDownload size={16} />}
          >
            Record
          </Button>
        )}
      </Group>
      {item.error && (
        <Text c="red" mb="md">
          {item.error.name}: {item.error.value}
        </Text>
      )}
      {detail.isError && <ProblemAlert error={detail.error} onRetry={detail.refetch} />}
      <Tabs defaultValue={item.has_record ? "record" : "about"} keepMounted={false}>
        <Tabs.List>
          {item.has_record && <Tabs.Tab value="record">Record</Tabs.Tab>}
          <Tabs.Tab value="log">Printed</Tabs.Tab>
          <Tabs.Tab value="about">Values and files</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="record" pt="md">
          <Record name={name} version={version} isRunning={item.status === "running"} />
        </Tabs.Panel>
        <Tabs.Panel value="log" pt="md">
          <pre className="run-log">{log === "" ? "Nothing was printed." : log}</pre>
        </Tabs.Panel>
        <Tabs.Panel value="about" pt="md">
          <Stack gap="sm">
            <Values title="Given" values={detail.data?.parameters ?? {}} />
            <Values title="Recorded" values={item.values} />
            <Text size="sm" fw={600}>
              Files
            </Text>
            {detail.data?.files.length === 0 && (
              <Text size="sm" c="dimmed">
                It wrote no files.
              </Text>
            )}
            <List size="sm" listStyleType="none">
              {detail.data?.files.map((file) => (
                <List.Item key={file.name}>
                  <Anchor size="sm" href={`${address}/files?name=${encodeURIComponent(file.name)}`}>
                    {file.name}
                  </Anchor>{" "}
                  <Text span size="sm" c="dimmed">
                    {(file.size_bytes / 1000).toFixed(1)} kB
                  </Text>
                </List.Item>
              ))}
            </List>
          </Stack>
        </Tabs.Panel>
      </Tabs>
    </Section>
  );
}

function Values({ title, values }: { title: string; values: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(values);
  return (
    <div>
      <Text size="sm" fw={600}>
        {title}
      </Text>
      {entries.length === 0 && (
        <Text size="sm" c="dimmed">
          None.
        </Text>
      )}
      {entries.map(([name, value]) => (
        <Text key={name} size="sm">
          {name} = {shown(value)}
        </Text>
      ))}
    </div>
  );
}

interface RecordProps {
  name: Parameters<typeof pageQuery>[0];
  version: string;
  isRunning: boolean;
}

/** The record as a page in a frame where nothing can run; it scrolls to the cell that failed. */
function Record({ name, version, isRunning }: RecordProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  const page = useQuery({ ...pageQuery(name, version), refetchInterval: isRunning ? 3000 : false });
  if (page.isPending) return <Skeleton height={240} />;
  if (page.isError) return <ProblemAlert error={page.error} onRetry={page.refetch} />;
  return (
    <iframe
      ref={frame}
      className="record-frame"
      title="Record of the notebook"
      // Without allow-scripts nothing runs; the same origin only lets this page scroll to the failing cell.
      sandbox="allow-same-origin allow-popups"
      srcDoc={page.data.html}
      onLoad={() =>
        frame.current?.contentDocument?.getElementById("failing")?.scrollIntoView({ block: "center" })
      }
    />
  );
}
