import { Checkbox, TextInput } from "@mantine/core";
import { useState } from "react";
import { setAssignmentSettings, useInCourse, type Assignment, type Course } from "@/api/courses";
import { FormDialog } from "./FormDialog";

/** What holds for an assignment besides its times: groups, collection, how strictly it is graded. */
export function AssignmentSettingsDialog({
  course,
  assignment,
  onClose,
}: {
  course: Course;
  assignment: Assignment;
  onClose: () => void;
}) {
  const [settings, setSettings] = useState(assignment.settings);
  const save = useInCourse(course.id, setAssignmentSettings(course.id));
  const box = (
    key: "is_group" | "collect_at_deadline" | "is_extra_credit" | "stderr_fails",
    label: string,
    description: string,
  ) => (
    <Checkbox
      label={label}
      description={description}
      checked={settings[key] ?? false}
      onChange={(event) => setSettings({ ...settings, [key]: event.currentTarget.checked })}
    />
  );
  return (
    <FormDialog
      title={`Settings of “${assignment.name}”`}
      save={save}
      value={() => ({ name: assignment.name, settings })}
      done="Saved."
      onClose={onClose}
    >
      <TextInput
        label="Category of the gradebook"
        required
        value={settings.category ?? ""}
        onChange={(event) => setSettings({ ...settings, category: event.currentTarget.value })}
      />
      {box(
        "collect_at_deadline",
        "Collect at the deadline",
        "What was not handed in when it is due is taken from the student’s project; extensions are waited for.",
      )}
      {box(
        "is_group",
        "Groups hand in",
        "A group works in one project and hands in once. Groups are a column of the roster.",
      )}
      {box("is_extra_credit", "Extra credit", "Its points add to the grade and never lower it.")}
      {box("stderr_fails", "Warnings cost the points", "Text on stderr fails a test, as with nbgrader.")}
    </FormDialog>
  );
}
