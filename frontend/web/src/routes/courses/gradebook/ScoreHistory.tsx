import { Button, Group, Modal, Skeleton, Stack, Table, Text, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useInCourse } from "@/api/courses";
import { columnHistoryQuery, setColumnScores, type ColumnCell } from "@/api/gradebook";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyDone } from "@/lib/notify";
import { fullTime } from "@/lib/time";
import { scoreText } from "./scoreText";

interface Props {
  courseId: string;
  user: string;
  name: string;
  cell: ColumnCell;
  onClose: () => void;
}

/** Who gave a student which score when, and why. */
export function ScoreHistory({ courseId, user, name, cell, onClose }: Props) {
  const { data, error, refetch } = useQuery(columnHistoryQuery(courseId, cell.column_id, user));
  return (
    <Modal opened onClose={onClose} title={`${cell.name} of ${name}`} size="lg">
      {error && <ProblemAlert error={error} onRetry={refetch} />}
      {!data && !error && <Skeleton h={120} />}
      {data && (
        <Stack>
          {data.items.length === 0 && <Text c="dimmed">Nobody has given a score yet.</Text>}
          {data.items.length > 0 && (
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Score</Table.Th>
                  <Table.Th>Given by</Table.Th>
                  <Table.Th>When</Table.Th>
                  <Table.Th>Note</Table.Th>
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {data.items.map((given, index) => (
                  <Table.Tr key={given.revision} {...(index === 0 ? { fw: 600 } : {})}>
                    <Table.Td>{scoreText(given) || "none"}</Table.Td>
                    <Table.Td>{given.by}</Table.Td>
                    <Table.Td>{fullTime(new Date(given.at))}</Table.Td>
                    <Table.Td>{given.note}</Table.Td>
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          )}
          <NoteForm
            key={data.items[0]?.revision ?? 0}
            courseId={courseId}
            user={user}
            cell={cell}
            note={data.items[0]?.note ?? ""}
            revision={data.items[0]?.revision ?? 0}
          />
        </Stack>
      )}
    </Modal>
  );
}

function NoteForm({
  courseId,
  user,
  cell,
  note: known,
  revision,
}: Pick<Props, "courseId" | "user" | "cell"> & { note: string; revision: number }) {
  const [note, setNote] = useState(known);
  const save = useInCourse(courseId, (text: string) =>
    setColumnScores(courseId, cell.column_id, [
      { user_name: user, score: cell.score, is_excused: cell.is_excused, revision, note: text },
    ]),
  );
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(note, { onSuccess: () => notifyDone("Noted.") });
      }}
    >
      <Stack gap="xs">
        {save.error && <ProblemAlert error={save.error} />}
        <Group align="flex-end" wrap="nowrap">
          <TextInput
            flex={1}
            label="Note"
            description="Why the score is what it is. Staff see it, and it is in the audit log."
            maxLength={500}
            value={note}
            onChange={(event) => setNote(event.currentTarget.value)}
          />
          <Button type="submit" variant="default" loading={save.isPending} disabled={note === known}>
            Keep the note
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
