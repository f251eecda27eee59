import { Checkbox, Group, NumberInput, Select, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { setDue, useInCourse, type Assignment, type Course } from "@/api/courses";
import { FormDialog } from "./FormDialog";
import { localTime, utcTime } from "./localTime";

const HOUR = 3600;
const DAY = 24 * HOUR;
const STEPS = [
  { value: String(HOUR), label: "hour" },
  { value: String(DAY), label: "day" },
];

/** When an assignment opens, is due and closes, what lateness costs, and how long an exam takes. */
export function TimesDialog({
  course,
  assignment,
  onClose,
}: {
  course: Course;
  assignment: Assignment;
  onClose: () => void;
}) {
  const { schedule } = assignment;
  const penalty = schedule.penalty;
  const [release, setRelease] = useState(localTime(schedule.release_at));
  const [due, setDueAt] = useState(localTime(schedule.due_at));
  const [grace, setGrace] = useState<number | string>((schedule.grace_seconds ?? 0) / 60);
  const [isEndless, setEndless] = useState(schedule.late_window_seconds === null && schedule.due_at !== null);
  const [late, setLate] = useState<number | string>((schedule.late_window_seconds ?? 0) / DAY);
  const [percent, setPercent] = useState<number | string>(
    Math.round((penalty?.fraction_per_step ?? 0) * 1000) / 10,
  );
  const [step, setStep] = useState(String(penalty?.step_seconds ?? DAY));
  const [cap, setCap] = useState<number | string>(Math.round((penalty?.cap ?? 1) * 1000) / 10);
  const [limit, setLimit] = useState<number | string>(
    schedule.time_limit_seconds ? schedule.time_limit_seconds / 60 : "",
  );
  const save = useInCourse(course.id, setDue(course.id));
  const table = (penalty?.table ?? []).map(([after = 0, part = 0]): [number, number] => [after, part]);
  const steps = STEPS.some(({ value }) => value === step)
    ? STEPS
    : [...STEPS, { value: step, label: `${Number(step) / HOUR} hours` }];
  return (
    <FormDialog
      title={`Times of “${assignment.name}”`}
      size="lg"
      save={save}
      value={() => ({
        name: assignment.name,
        schedule: {
          release_at: utcTime(release),
          due_at: utcTime(due),
          grace_seconds: Number(grace) * 60,
          late_window_seconds: isEndless ? null : Number(late) * DAY,
          time_limit_seconds: limit === "" ? null : Number(limit) * 60,
          penalty: {
            fraction_per_step: Number(percent) / 100,
            step_seconds: Number(step),
            cap: Number(cap) / 100,
            table,
          },
        },
      })}
      done="Saved."
      onClose={onClose}
    >
      <Text size="sm" c="dimmed">
        Times are in the zone of this browser; everybody sees them in their own.
      </Text>
      <Group grow align="flex-start">
        <TextInput
          label="Opens"
          description="Empty: as soon as it is released"
          type="datetime-local"
          value={release}
          onChange={(event) => setRelease(event.currentTarget.value)}
        />
        <TextInput
          label="Due"
          description="Empty: never late"
          type="datetime-local"
          value={due}
          onChange={(event) => setDueAt(event.currentTarget.value)}
        />
      </Group>
      <Group grow align="flex-start">
        <NumberInput
          label="Grace, in minutes"
          description="Lateness that costs nothing"
          min={0}
          value={grace}
          onChange={setGrace}
        />
        <NumberInput
          label="Late days"
          description="How long it is still taken"
          min={0}
          max={365}
          disabled={isEndless}
          value={late}
          onChange={setLate}
        />
      </Group>
      <Checkbox
        label="Late work is taken without end"
        checked={isEndless}
        onChange={(event) => setEndless(event.currentTarget.checked)}
      />
      {table.length > 0 ? (
        <Text size="sm">
          Lateness costs {table.map(([after, part]) => `${part * 100} % after ${after / HOUR} h`).join(", ")}.
        </Text>
      ) : (
        <Group grow align="flex-start">
          <NumberInput label="Penalty, in %" min={0} max={100} value={percent} onChange={setPercent} />
          <Select
            label="for each begun"
            data={steps}
            value={step}
            allowDeselect={false}
            onChange={(value) => setStep(value ?? String(DAY))}
          />
          <NumberInput label="at most, in %" min={0} max={100} value={cap} onChange={setCap} />
        </Group>
      )}
      <NumberInput
        label="Time limit, in minutes"
        description="For exams: it runs from the moment when a student first opens the assignment. Empty: none."
        min={1}
        value={limit}
        onChange={setLimit}
      />
    </FormDialog>
  );
}
