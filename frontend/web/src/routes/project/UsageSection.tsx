import { SegmentedControl, SimpleGrid, Skeleton, Table, Text } from "@mantine/core";
import { IconGauge } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { usageQuery } from "@/api/projectLife";
import { EmptyState } from "@/components/EmptyState";
import { ProblemAlert } from "@/components/ProblemAlert";
import { Section } from "@/components/Section";
import { duration, fileSize } from "@/lib/sizes";

const SPANS = [
  { value: "7", label: "7 days" },
  { value: "30", label: "30 days" },
  { value: "365", label: "A year" },
];

/** What a project's server used. */
export function UsageSection({ projectId }: { projectId: string }) {
  const [days, setDays] = useState("30");
  const query = useQuery(usageQuery(projectId, Number(days)));
  return (
    <Section
      title="Usage"
      action={
        <SegmentedControl size="xs" aria-label="For how long" data={SPANS} value={days} onChange={setDays} />
      }
    >
      {query.isPending && <Skeleton height={120} />}
      {query.isError && !query.data && <ProblemAlert error={query.error} onRetry={query.refetch} />}
      {query.data?.items.length === 0 && (
        <EmptyState title="Nothing was used" icon={<IconGauge size={40} stroke={1.2} />}>
          What the project’s server uses is counted while it runs, and shown here within a minute.
        </EmptyState>
      )}
      {query.data && query.data.items.length > 0 && (
        <>
          <SimpleGrid cols={{ base: 2, sm: 4 }} mb="md">
            <Figure label="Processor time" value={duration(query.data.totals.cpu_seconds)} />
            <Figure label="Memory" value={`${query.data.totals.memory_gb_hours.toFixed(2)} GB h`} />
            <Figure label="GPU time" value={`${query.data.totals.gpu_hours.toFixed(1)} h`} />
            <Figure label="Storage" value={fileSize(query.data.totals.storage_bytes)} />
          </SimpleGrid>
          <Table.ScrollContainer minWidth={400}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Day</Table.Th>
                  <Table.Th>Started by</Table.Th>
                  <Table.Th ta="right">Processor</Table.Th>
                  <Table.Th ta="right">Memory, GB h</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {[...query.data.items].reverse().map((row) => (
                  <Table.Tr key={`${row.day} ${row.user_name}`}>
                    <Table.Td>{row.day}</Table.Td>
                    <Table.Td>{row.user_name}</Table.Td>
                    <Table.Td ta="right">{duration(row.cpu_seconds)}</Table.Td>
                    <Table.Td ta="right">{row.memory_gb_hours.toFixed(3)}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        </>
      )}
    </Section>
  );
}

function Figure({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <Text size="xs" c="dimmed">
        {label}
      </Text>
      <Text size="lg" fw={600}>
        {value}
      </Text>
    </div>
  );
}
