import { Alert, Button, FileInput, Group, List, Modal, Stack, Table, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { base64, useInCourse } from "@/api/courses";
import { importGradebook, type GradebookImported } from "@/api/gradebook";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyDone } from "@/lib/notify";

const SHOWN = 100;

/** Scores of manual columns from a CSV or Excel file: what would change is shown first. */
export function ImportDialog({ courseId, onClose }: { courseId: string; onClose: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const chooseAgain = useRef<() => void>(null);
  const look = useMutation({
    mutationFn: async (chosen: File) => {
      const content_base64 = await base64(chosen);
      return { content_base64, found: await importGradebook(courseId)({ content_base64, digest: null }) };
    },
  });
  const save = useInCourse(courseId, importGradebook(courseId));
  const found = look.data?.found;
  const isGood = found?.problems.length === 0 && found.changes.length > 0;
  return (
    <Modal opened onClose={onClose} title="Scores from a file" size="lg">
      <Stack>
        <Text size="sm" c="dimmed">
          A CSV or Excel file whose first line names its columns: <code>user_name</code> or{" "}
          <code>student_id</code>, and columns of the gradebook that people fill in, by name or as an export
          names them. Empty cells leave scores as they are; “excused” excuses.
        </Text>
        <FileInput
          resetRef={chooseAgain}
          label="File"
          placeholder="Choose a file"
          accept=".csv,.xlsx,text/csv"
          value={file}
          onChange={(chosen) => {
            setFile(chosen);
            chooseAgain.current?.(); // the same file, mended, is another choice
            save.reset();
            if (chosen) look.mutate(chosen);
            else look.reset();
          }}
        />
        {look.error && <ProblemAlert error={look.error} />}
        {save.error && <ProblemAlert error={save.error} onRetry={() => file && look.mutate(file)} />}
        {found && <Found found={found} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            disabled={!isGood}
            loading={save.isPending || look.isPending}
            onClick={() =>
              look.data &&
              save.mutate(
                { content_base64: look.data.content_base64, digest: look.data.found.digest },
                {
                  onSuccess: ({ changes }) => {
                    notifyDone(`Set ${changes.length} scores.`);
                    onClose();
                  },
                },
              )
            }
          >
            {isGood ? `Set ${found.changes.length} scores` : "Set the scores"}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

function Found({ found }: { found: GradebookImported }) {
  if (found.problems.length > 0) {
    return (
      <Alert color="red" title="Nothing can be set from this file">
        <List size="sm">
          {found.problems.map((problem) => (
            <List.Item key={problem}>{problem}</List.Item>
          ))}
        </List>
      </Alert>
    );
  }
  return (
    <>
      {found.ignored.length > 0 && (
        <Text size="sm" c="dimmed">
          Not read: {found.ignored.join(", ")}
        </Text>
      )}
      {found.changes.length === 0 ? (
        <Alert color="gray">Everything in the file is in the gradebook already.</Alert>
      ) : (
        <Table.ScrollContainer minWidth={400} maxHeight={320}>
          <Table stickyHeader>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Student</Table.Th>
                <Table.Th>Column</Table.Th>
                <Table.Th>Now</Table.Th>
                <Table.Th>New</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {found.changes.slice(0, SHOWN).map((change) => (
                <Table.Tr key={`${change.column} ${change.user_name}`}>
                  <Table.Td>{change.user_name}</Table.Td>
                  <Table.Td>{change.column}</Table.Td>
                  <Table.Td>{change.before}</Table.Td>
                  <Table.Td fw={600}>{change.after}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {found.changes.length > SHOWN && (
        <Text size="sm" c="dimmed">
          and {found.changes.length - SHOWN} more
        </Text>
      )}
    </>
  );
}
