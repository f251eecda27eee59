import { Button, Checkbox, Group, Kbd, Menu, Stack, Text } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useInCourse, type CellScore, type OfferedItem } from "@/api/courses";
import { addRubricItem, offerRubric, rubricsQuery, type RubricUse } from "@/api/rubrics";
import { notifyDone, notifyProblem } from "@/lib/notify";
import { RubricDialog } from "./RubricDialog";
import { scoreByRubric } from "./rubricScore";

interface Props {
  courseId: string;
  assignment: string;
  cell: RubricUse;
  /** Of the cell. */
  points: number;
  /** The mark as it is saved. */
  given: CellScore;
  offered: readonly OfferedItem[];
  chosen: readonly number[];
  onChoose: (items: number[]) => void;
  /** What is typed as a comment, and what the answer lost: it may become an item. */
  comment: { text: string; points: number };
  mayManage: boolean;
}

/** The items that are offered where a cell is marked; digits choose them, and they can be changed in place. */
export function RubricItems({
  courseId,
  assignment,
  cell,
  points,
  given,
  offered,
  chosen,
  onChoose,
  comment,
  mayManage,
}: Props) {
  const [editing, setEditing] = useState<number | null>(null);
  const add = useInCourse(courseId, addRubricItem(courseId, assignment));
  const rubrics = new Map(offered.map((item) => [item.rubric_id, item.rubric]));
  const saved = given.rubric_items;
  const isKept =
    saved.length > 0 &&
    saved.join() === chosen.join() &&
    scoreByRubric(points, offered, saved) !== given.manual_score;
  const toggle = (id: number) =>
    onChoose(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  return (
    <Stack gap={4}>
      {offered.map((item, index) => (
        <Checkbox
          key={item.id}
          label={
            <Group gap={6}>
              <span>
                {item.text} ({item.points > 0 ? "+" : ""}
                {item.points}){item.is_removed && ", removed from the rubric since"}
              </span>
              {index < 9 && <Kbd size="xs">{index + 1}</Kbd>}
            </Group>
          }
          data-rubric-item={index + 1}
          checked={chosen.includes(item.id)}
          onChange={() => toggle(item.id)}
        />
      ))}
      {isKept && (
        <Text size="sm" c="dimmed">
          The rubric changed after this score was returned; it stays {given.manual_score} until it is saved
          again.
        </Text>
      )}
      <Group gap="xs">
        {[...rubrics].map(([id, name]) => (
          <Button key={id} variant="subtle" size="compact-sm" onClick={() => setEditing(id)}>
            Change “{name}”
          </Button>
        ))}
        <FromLibrary courseId={courseId} cell={cell} used={rubrics} />
        {comment.text.trim() !== "" && (
          <Button
            variant="subtle"
            size="compact-sm"
            loading={add.isPending}
            onClick={() =>
              add.mutate(
                {
                  notebook: cell.notebook,
                  grade_id: cell.grade_id,
                  text: comment.text,
                  points: comment.points,
                },
                {
                  onSuccess: () => notifyDone("It is in the rubric of this question now."),
                  onError: notifyProblem,
                },
              )
            }
          >
            Put the comment into the rubric
          </Button>
        )}
      </Group>
      {editing !== null && (
        <RubricDialog
          courseId={courseId}
          rubricId={editing}
          mayChangeReturned={mayManage}
          onClose={() => setEditing(null)}
        />
      )}
    </Stack>
  );
}

/** Offers a rubric of the course's library at this question, too. */
function FromLibrary({
  courseId,
  cell,
  used,
}: {
  courseId: string;
  cell: RubricUse;
  used: ReadonlyMap<number, string>;
}) {
  const [opened, setOpened] = useState(false);
  const library = useQuery({ ...rubricsQuery(courseId), enabled: opened });
  const offer = useInCourse(courseId, offerRubric(courseId));
  const others = (library.data?.items ?? []).filter(({ id }) => !used.has(id));
  return (
    <Menu opened={opened} onChange={setOpened}>
      <Menu.Target>
        <Button variant="subtle" size="compact-sm" rightSection={<IconChevronDown size={14} />}>
          Use a rubric
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {others.map((rubric) => (
          <Menu.Item
            key={rubric.id}
            onClick={() =>
              offer.mutate({ rubric: rubric.id, isOffered: true, ...cell }, { onError: notifyProblem })
            }
          >
            {rubric.name}
          </Menu.Item>
        ))}
        {others.length === 0 && (
          <Menu.Label>{library.isPending ? "…" : "The library has no other rubric"}</Menu.Label>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
