import {
  ActionIcon,
  Button,
  Group,
  Modal,
  NumberInput,
  Select,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { gradingQuery, setGrading, useInCourse, type Grading } from "@/api/courses";
import { ProblemAlert } from "@/components/ProblemAlert";
import { DialogForm } from "./FormDialog";

type Category = Grading["categories"][number];
interface Letter {
  letter: string;
  percent: number;
}

/** How the course grade follows from the assignments: categories with weights, what is dropped, letters. */
export function GradingDialog({ courseId, onClose }: { courseId: string; onClose: () => void }) {
  const { data, error, refetch } = useQuery(gradingQuery(courseId));
  return (
    <Modal opened onClose={onClose} title="How the grade is made" size="xl">
      {error && <ProblemAlert error={error} onRetry={refetch} />}
      {data && <GradingForm courseId={courseId} grading={data} onClose={onClose} />}
    </Modal>
  );
}

function GradingForm({
  courseId,
  grading,
  onClose,
}: {
  courseId: string;
  grading: Grading;
  onClose: () => void;
}) {
  const [categories, setCategories] = useState(grading.categories);
  const [letters, setLetters] = useState<Letter[]>(
    Object.entries(grading.scale ?? {})
      .map(([letter, from]) => ({ letter, percent: Math.round(from * 1000) / 10 }))
      .sort((a, b) => b.percent - a.percent),
  );
  const save = useInCourse(courseId, setGrading(courseId));
  const change = (index: number, values: Partial<Category>) =>
    setCategories(categories.map((row, at) => (at === index ? { ...row, ...values } : row)));
  const total = categories.reduce((sum, { weight }) => sum + (weight ?? 1), 0);
  return (
    <DialogForm
      save={save}
      value={() => ({
        categories,
        scale: Object.fromEntries(letters.map(({ letter, percent }) => [letter, percent / 100])),
      })}
      done="Saved; all grades follow."
      onClose={onClose}
    >
      <Title order={3} size="h4">
        Categories
      </Title>
      <Text size="sm" c="dimmed">
        An assignment names its category in its settings. Weights are relative to each other. Counted by
        points, large assignments weigh more; by mean, each weighs the same. What is dropped are the
        assignments whose absence helps a student most.
      </Text>
      <Table.ScrollContainer minWidth={620}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Name</Table.Th>
              <Table.Th>Weight</Table.Th>
              <Table.Th>Drop lowest</Table.Th>
              <Table.Th>Counted by</Table.Th>
              <Table.Th>At most, %</Table.Th>
              <Table.Th />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {categories.map((row, index) => (
              <Table.Tr key={index}>
                <Table.Td>
                  <TextInput
                    aria-label={`Name of category ${index + 1}`}
                    required
                    value={row.name}
                    onChange={(event) => change(index, { name: event.currentTarget.value })}
                  />
                </Table.Td>
                <Table.Td>
                  <NumberInput
                    aria-label={`Weight of ${row.name}`}
                    description={
                      total > 0 ? `${Math.round((100 * (row.weight ?? 1)) / total)} % of the grade` : ""
                    }
                    min={0}
                    value={row.weight ?? 1}
                    onChange={(value) => change(index, { weight: Number(value) })}
                  />
                </Table.Td>
                <Table.Td>
                  <NumberInput
                    aria-label={`How many of ${row.name} are dropped`}
                    min={0}
                    allowDecimal={false}
                    value={row.drop_lowest ?? 0}
                    onChange={(value) => change(index, { drop_lowest: Number(value) })}
                  />
                </Table.Td>
                <Table.Td>
                  <Select
                    aria-label={`How ${row.name} is counted`}
                    allowDeselect={false}
                    data={[
                      { value: "points", label: "points" },
                      { value: "mean", label: "mean" },
                    ]}
                    value={row.aggregation ?? "points"}
                    onChange={(value) => change(index, { aggregation: value === "mean" ? "mean" : "points" })}
                  />
                </Table.Td>
                <Table.Td>
                  <NumberInput
                    aria-label={`Most that ${row.name} can reach`}
                    min={0}
                    value={Math.round((row.cap ?? 1) * 100)}
                    onChange={(value) => change(index, { cap: Number(value) / 100 })}
                  />
                </Table.Td>
                <Table.Td>
                  <ActionIcon
                    variant="subtle"
                    color="red"
                    aria-label={`Remove ${row.name}`}
                    onClick={() => setCategories(categories.filter((_, at) => at !== index))}
                  >
                    <IconTrash size={18} />
                  </ActionIcon>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Button
        variant="default"
        leftSection={<IconPlus size={18} />}
        onClick={() =>
          setCategories([
            ...categories,
            { name: "", weight: 1, drop_lowest: 0, aggregation: "points", cap: 1 },
          ])
        }
      >
        Add a category
      </Button>
      <Title order={3} size="h4">
        Letters
      </Title>
      {letters.length === 0 && (
        <Text size="sm" c="dimmed">
          No letters: the grade is a percentage.
        </Text>
      )}
      {letters.map((row, index) => (
        <Group key={index} align="flex-end" wrap="nowrap">
          <TextInput
            label="Letter"
            required
            value={row.letter}
            onChange={(event) => {
              const letter = event.currentTarget.value;
              setLetters(letters.map((other, at) => (at === index ? { ...other, letter } : other)));
            }}
          />
          <NumberInput
            label="from, in %"
            min={0}
            value={row.percent}
            onChange={(value) =>
              setLetters(letters.map((o, at) => (at === index ? { ...o, percent: Number(value) } : o)))
            }
          />
          <ActionIcon
            variant="subtle"
            color="red"
            mb={4}
            aria-label={`Remove letter ${row.letter}`}
            onClick={() => setLetters(letters.filter((_, at) => at !== index))}
          >
            <IconTrash size={18} />
          </ActionIcon>
        </Group>
      ))}
      <Button
        variant="default"
        leftSection={<IconPlus size={18} />}
        onClick={() => setLetters([...letters, { letter: "", percent: 0 }])}
      >
        Add a letter
      </Button>
    </DialogForm>
  );
}
