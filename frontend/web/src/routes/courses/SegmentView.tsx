import { Alert, Badge, Button, Group, NumberInput, Paper, Stack, Text, Textarea } from "@mantine/core";
import { useEffect, useRef, useState, type CSSProperties } from "react";
import {
  setMark,
  useInCourse,
  type CellScore,
  type MarkUpdate,
  type OfferedItem,
  type Segment,
} from "@/api/courses";
import { asApiError } from "@/api/errors";
import { notifyDone, notifyNotDone } from "@/lib/notify";
import { useMarkDraft, type Draft } from "./markDraft";
import { FormattedText } from "./FormattedText";
import { RubricItems } from "./rubrics/RubricItems";
import { scoreByRubric } from "./rubrics/rubricScore";
import { SafeFrame } from "./SafeFrame";

interface Props {
  courseId: string;
  assignment: string;
  submission: number;
  segment: Segment;
  rubric: readonly OfferedItem[];
  mayManage: boolean;
  onConflict: () => void;
}

/** A piece of a submission, with the mark of the cell that ends it. */
export function SegmentView({ segment, ...rest }: Props) {
  const [comparing, setComparing] = useState(false);
  return (
    <Paper p="md">
      <SafeFrame html={segment.html} title={`Cells of ${segment.notebook}`} />
      {segment.diff.length > 0 && (
        <Button variant="subtle" size="compact-sm" onClick={() => setComparing(!comparing)} mt="xs">
          {comparing ? "Hide the comparison" : "Compare with the released version"}
        </Button>
      )}
      {comparing && (
        <pre style={{ fontSize: 13, overflowX: "auto" }}>
          {segment.diff.map((line, index) => (
            <div key={index} style={DIFF[line.kind]}>
              {line.kind === "added" ? "+ " : line.kind === "removed" ? "- " : "  "}
              {line.text}
            </div>
          ))}
        </pre>
      )}
      {segment.score && <MarkForm {...rest} notebook={segment.notebook} score={segment.score} />}
    </Paper>
  );
}

function MarkForm({
  courseId,
  assignment,
  submission,
  notebook,
  score,
  rubric,
  mayManage,
  onConflict,
}: Omit<Props, "segment"> & { notebook: string; score: CellScore }) {
  const { draft, revision, change, goOnFrom, discard } = useMarkDraft(score);
  const isShown = useRef(true);
  useEffect(() => {
    isShown.current = true;
    return () => void (isShown.current = false);
  }, []);
  // Said here, not where it is called, which nobody hears who has gone on to the next submission.
  const save = useInCourse(courseId, async (mark: MarkUpdate) => {
    try {
      const made = await setMark(courseId, submission)(mark);
      notifyDone(`${score.grade_id} is marked.`);
      return made;
    } catch (error) {
      if (!isShown.current) notifyNotDone(`The mark of ${score.grade_id} was not saved`, error);
      throw error;
    }
  });
  const conflict = save.error !== null && asApiError(save.error).status === 409;
  const submit = (part: Partial<Draft> = {}) => {
    const sent = { ...draft, ...part };
    change(part);
    save.mutate(
      {
        notebook,
        grade_id: score.grade_id,
        revision,
        score: sent.points === "" ? null : Number(sent.points),
        extra_credit: Number(sent.extra) || 0,
        comment: sent.comment,
        rubric_items: [...sent.items],
      },
      {
        onSuccess: (made) => goOnFrom(made, sent),
      },
    );
  };
  return (
    <form
      aria-label={`Mark of ${score.grade_id}`}
      data-mark
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Stack gap="xs" mt="sm">
        <Group gap="xs">
          <Text fw={600}>{score.grade_id}</Text>
          <Badge variant="light" color={score.needs_manual ? "yellow" : "green"}>
            {score.needs_manual ? "open" : "graded"}
          </Badge>
          {score.auto_score !== null && (
            <Text size="sm" c="dimmed">
              machine: {score.auto_score} of {score.points}
              {score.reason && `, ${score.reason}`}
            </Text>
          )}
          {score.marked_by && (
            <Text size="sm" c="dimmed">
              marked by {score.marked_by}
            </Text>
          )}
        </Group>
        {save.error && (
          <Alert color={conflict ? "yellow" : "red"} title={conflict ? "Somebody was faster" : "Not saved"}>
            <Text size="sm">{asApiError(save.error).detail}</Text>
            {conflict && (
              <Button
                size="xs"
                mt="xs"
                variant="default"
                onClick={() => {
                  save.reset();
                  discard();
                  onConflict();
                }}
              >
                Show their mark
              </Button>
            )}
          </Alert>
        )}
        <RubricItems
          courseId={courseId}
          assignment={assignment}
          cell={{ assignment, notebook, grade_id: score.grade_id }}
          points={score.points}
          given={score}
          offered={rubric}
          chosen={draft.items}
          onChoose={(items) => change({ items })}
          comment={{ text: draft.comment, points: Number(draft.points || 0) - score.points }}
          mayManage={mayManage}
        />
        <Group align="flex-end" gap="sm">
          <NumberInput
            label={`Points of ${score.points}`}
            min={0}
            max={score.points}
            step={0.5}
            w={120}
            value={draft.items.length > 0 ? scoreByRubric(score.points, rubric, draft.items) : draft.points}
            onChange={(points) => change({ points })}
            disabled={draft.items.length > 0}
          />
          <NumberInput
            label="Extra credit"
            w={110}
            step={0.5}
            value={draft.extra}
            onChange={(extra) => change({ extra })}
          />
          <Button variant="default" onClick={() => submit({ points: score.points, items: [] })}>
            Full
          </Button>
          <Button variant="default" onClick={() => submit({ points: 0, items: [] })}>
            None
          </Button>
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </Group>
        <Textarea
          label="Comment"
          description="Markdown, with LaTeX between dollar signs"
          autosize
          minRows={1}
          maxRows={10}
          value={draft.comment}
          onChange={(event) => change({ comment: event.currentTarget.value })}
        />
        {score.comment !== "" && <FormattedText html={score.comment_html} />}
      </Stack>
    </form>
  );
}

const DIFF: Record<string, CSSProperties> = {
  added: { background: "rgba(46, 160, 67, 0.2)" },
  removed: { background: "rgba(248, 81, 73, 0.2)" },
};
