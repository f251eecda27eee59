import { Autocomplete, Button, Group, Modal, MultiSelect, Radio, Select, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { endEnrolment, enrolPerson, type CourseRole } from "@/api/coursePeople";
import { assignmentsQuery, useInCourse, type Enrolment } from "@/api/courses";
import { ProblemAlert } from "@/components/ProblemAlert";
import { notifyDone } from "@/lib/notify";
import { limitsAsSentence } from "./gradingLimits";
import { nameOf } from "./scores";

export type Part = Pick<Enrolment, "user_name" | "first_name" | "last_name"> & Partial<Enrolment>;

const ROLES: Record<CourseRole, string> = {
  student: "Student: hands in",
  grader: "Grader: marks submissions",
  instructor: "Instructor: everything in the course",
  auditor: "Auditor: receives assignments",
};

/** Somebody's part in a course: role, section, group, and of a grader what they grade. */
export function PersonDialog({
  courseId,
  person,
  people,
  onClose,
}: {
  courseId: string;
  person: Part;
  people: readonly Enrolment[];
  onClose: () => void;
}) {
  const isNew = person.role === undefined;
  const [role, setRole] = useState<CourseRole>(person.role ?? "student");
  const [section, setSection] = useState(person.section ?? "");
  const [group, setGroup] = useState(person.group_name ?? "");
  const [sections, setSections] = useState(person.graded_sections ?? []);
  const [assignments, setAssignments] = useState(person.graded_assignments ?? []);
  const [isLimited, setLimited] = useState(sections.length + assignments.length > 0);
  const known = useQuery(assignmentsQuery(courseId));
  const save = useInCourse(courseId, enrolPerson(courseId));
  const end = useInCourse(courseId, endEnrolment(courseId));
  const limits =
    role === "grader" && isLimited
      ? { graded_sections: sections, graded_assignments: assignments }
      : { graded_sections: [], graded_assignments: [] };
  const isUndecided = role === "grader" && isLimited && sections.length + assignments.length === 0;
  const name = nameOf(person);
  return (
    <Modal opened onClose={onClose} title={isNew ? `Enrol ${name}` : name}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(
            {
              userName: person.user_name,
              part: { role, section: section.trim(), group: group.trim(), ...limits },
            },
            {
              onSuccess: () => {
                notifyDone(isNew ? `${name} is in the course.` : "Saved.");
                onClose();
              },
            },
          );
        }}
      >
        <Stack>
          {save.error && <ProblemAlert error={save.error} />}
          {end.error && <ProblemAlert error={end.error} />}
          {person.hub_group && (
            <Text size="sm" c="dimmed">
              In the course through the group “{person.hub_group}”, and deactivated when they leave it.
            </Text>
          )}
          <Select
            label="Role"
            data={Object.entries(ROLES).map(([value, label]) => ({ value, label }))}
            allowDeselect={false}
            value={role}
            onChange={(value) => setRole((value as CourseRole | null) ?? "student")}
          />
          {role === "student" && (
            <Group grow align="flex-start">
              <Autocomplete
                label="Section"
                data={distinct(people.map((other) => other.section))}
                value={section}
                onChange={setSection}
              />
              <Autocomplete
                label="Group"
                description="Hands in together"
                inputWrapperOrder={["label", "input", "description"]}
                data={distinct(people.map((other) => other.group_name ?? ""))}
                value={group}
                onChange={setGroup}
              />
            </Group>
          )}
          {role === "grader" && (
            <>
              <Radio.Group
                label="What they grade"
                value={isLimited ? "part" : "all"}
                onChange={(value) => setLimited(value === "part")}
              >
                <Group mt={6}>
                  <Radio value="all" label="Everything" />
                  <Radio value="part" label="Only a part" />
                </Group>
              </Radio.Group>
              {isLimited && (
                <>
                  <MultiSelect
                    label="Sections"
                    description="Empty: students of all sections"
                    placeholder={sections.length ? "" : "All sections"}
                    clearable
                    searchable
                    data={distinct([...students(people).map((other) => other.section), ...sections])}
                    value={sections}
                    onChange={setSections}
                  />
                  <MultiSelect
                    label="Assignments"
                    description="Empty: every assignment"
                    placeholder={assignments.length ? "" : "Every assignment"}
                    clearable
                    searchable
                    data={distinct([...(known.data?.items ?? []).map((item) => item.name), ...assignments])}
                    value={assignments}
                    onChange={setAssignments}
                  />
                </>
              )}
              <Text size="sm" aria-live="polite">
                {isUndecided
                  ? "Choose at least a section or an assignment."
                  : `${limitsAsSentence(limits)} ${isLimited ? "They see no other work, neither here nor in the gradebook." : ""}`}
              </Text>
              {isLimited && assignments.length > 0 && (
                <Text size="sm" c="dimmed">
                  Who grades some assignments only is no member of the students’ projects, where the work on
                  all of them lies.
                </Text>
              )}
            </>
          )}
          <Group justify="space-between">
            {isNew ? (
              <span />
            ) : (
              <Button
                variant="subtle"
                color="red"
                loading={end.isPending}
                onClick={() =>
                  end.mutate(person.user_name, {
                    onSuccess: () => {
                      notifyDone(`${name} is no longer in the course. What they handed in stays.`);
                      onClose();
                    },
                  })
                }
              >
                Take out of the course
              </Button>
            )}
            <Button type="submit" loading={save.isPending} disabled={isUndecided}>
              {isNew ? "Enrol" : "Save"}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function students(people: readonly Enrolment[]): Enrolment[] {
  return people.filter(({ role }) => role === "student");
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names.filter(Boolean))].sort((a, b) => a.localeCompare(b));
}
