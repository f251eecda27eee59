import { Checkbox, NumberInput, Select, Text, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { changeCourse, copyCourse, type Course } from "@/api/courses";
import { FormDialog } from "./FormDialog";

/** What a course is called, its time zone, and whether it is over. */
export function CourseSettingsDialog({ course, onClose }: { course: Course; onClose: () => void }) {
  const [title, setTitle] = useState(course.title);
  const [term, setTerm] = useState(course.term);
  const [zone, setZone] = useState(course.time_zone);
  const [isArchived, setArchived] = useState(course.archived_at !== null);
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: changeCourse(course.id),
    onSuccess: () => client.invalidateQueries(),
  });
  return (
    <FormDialog
      title="Settings of the course"
      save={save}
      value={() => ({ title, term, time_zone: zone, is_archived: isArchived })}
      done="Saved."
      onClose={onClose}
    >
      <TextInput label="Title" required value={title} onChange={(e) => setTitle(e.currentTarget.value)} />
      <TextInput label="Term" value={term} onChange={(e) => setTerm(e.currentTarget.value)} />
      <Select
        label="Time zone"
        searchable
        allowDeselect={false}
        data={[...new Set([zone, "UTC", ...Intl.supportedValuesOf("timeZone")])]}
        value={zone}
        onChange={(value) => setZone(value ?? "UTC")}
      />
      <Checkbox
        label="Archived"
        description="Nothing is handed in or collected any more, and links to join end. Everything can still be read, graded and exported."
        checked={isArchived}
        onChange={(event) => setArchived(event.currentTarget.checked)}
      />
    </FormDialog>
  );
}

/** A course with the same assignments for the next term, without its people. */
export function CopyCourseDialog({ course, onClose }: { course: Course; onClose: () => void }) {
  const [id, setId] = useState("");
  const [title, setTitle] = useState(course.title);
  const [term, setTerm] = useState("");
  const [days, setDays] = useState<number | string>(364);
  const navigate = useNavigate();
  const client = useQueryClient();
  const copy = useMutation({
    mutationFn: copyCourse(course.id),
    onSuccess: () => client.invalidateQueries(),
  });
  return (
    <FormDialog
      title={`Copy “${course.title}”`}
      action="Copy"
      save={copy}
      value={() => ({ id, title, term, shift_days: Number(days) })}
      done={(made) => `“${made.title}” is made; its assignments wait to be released.`}
      onDone={(made) =>
        void navigate({ to: "/courses/$courseId", params: { courseId: made.id }, search: {} })
      }
      onClose={onClose}
    >
      <Text size="sm" c="dimmed">
        The newest version of each assignment, rubrics, manual columns, categories and letters come over;
        people, their work and their scores do not.
      </Text>
      <TextInput
        label="Id"
        description="Part of its address: lowercase letters, digits and hyphens"
        required
        pattern="[a-z0-9\-]+"
        value={id}
        onChange={(e) => setId(e.currentTarget.value)}
      />
      <TextInput label="Title" required value={title} onChange={(e) => setTitle(e.currentTarget.value)} />
      <TextInput label="Term" value={term} onChange={(e) => setTerm(e.currentTarget.value)} />
      <NumberInput
        label="All times move by so many days"
        description="364 keeps the day of the week"
        min={0}
        max={3660}
        allowDecimal={false}
        value={days}
        onChange={setDays}
      />
    </FormDialog>
  );
}
