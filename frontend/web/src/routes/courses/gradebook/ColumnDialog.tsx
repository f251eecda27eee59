import { Autocomplete, Checkbox, NumberInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { gradingQuery, useInCourse } from "@/api/courses";
import { saveColumn, type ManualColumn } from "@/api/gradebook";
import { FormDialog } from "../FormDialog";

interface Props {
  courseId: string;
  /** The column to change; none for a new one. */
  known: ManualColumn | null;
  onClose: () => void;
}

/** What a column is whose scores people type in. */
export function ColumnDialog({ courseId, known, onClose }: Props) {
  const grading = useQuery(gradingQuery(courseId));
  const categories = grading.data?.categories.map(({ name }) => name) ?? [];
  const [name, setName] = useState(known?.name ?? "");
  const [points, setPoints] = useState<number | string>(known?.points ?? 10);
  const [category, setCategory] = useState<string | null>(known?.category ?? null);
  const [isExtra, setExtra] = useState(known?.is_extra_credit ?? false);
  const [isReturned, setReturned] = useState(known?.is_returned ?? false);
  const save = useInCourse(courseId, saveColumn(courseId));
  const chosen = category ?? categories[0] ?? "assignments";
  const counts = categories.length === 0 || categories.includes(chosen);
  return (
    <FormDialog
      title={known ? `Column “${known.name}”` : "Add a column"}
      action={known ? "Save" : "Add"}
      save={save}
      value={() =>
        points === ""
          ? null
          : {
              known,
              name,
              points: Number(points),
              category: chosen,
              is_extra_credit: isExtra,
              is_returned: isReturned,
            }
      }
      done={(column) => (known ? "Saved; all grades follow." : `“${column.name}” is in the gradebook.`)}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        placeholder="Participation"
        required
        maxLength={64}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NumberInput
        label="Points"
        description="The most that can be typed in"
        required
        min={0.01}
        max={1_000_000}
        value={points}
        onChange={setPoints}
      />
      <Autocomplete
        label="Category"
        description={
          counts
            ? "It counts with the assignments of this category"
            : "No such category in “How the grade is made”: it counts only when one is added there"
        }
        required
        maxLength={64}
        data={categories}
        value={chosen}
        onChange={setCategory}
      />
      <Checkbox
        label="Extra credit"
        description="Its points add to the grade and never lower it."
        checked={isExtra}
        onChange={(event) => setExtra(event.currentTarget.checked)}
      />
      <Checkbox
        label="Students see it"
        description="Their score, and the course grade with it. Until then only staff do."
        checked={isReturned}
        onChange={(event) => setReturned(event.currentTarget.checked)}
      />
    </FormDialog>
  );
}
