import { Dialog, IFrame, MainAreaWidget, showDialog } from "@jupyterlab/apputils";
import React, { useState } from "react";

import { ago, bytes, clock, count } from "../core/format";
import { courseIcon } from "../core/icons";
import { isOwnOrigin, projectId, webPath } from "../core/project";
import { attempt, Button, Empty, Failure, Heading, Loading, useLoaded } from "../core/view";
import { work, type Assignment, type Course, type Receipt, type Submission, type WorkState } from "./api";
import { WorkHere } from "./here";
import { Checked, saveFolder, type Page } from "./parts";
import { counted, dueWords, isOpen, scoreWords } from "./state";

/** A student's courses: what is to do, and everything to do it with. */
export function CoursePanel({ page }: { page: Page }): React.JSX.Element {
  return isOwnOrigin ? <WorkHere page={page} /> : <CourseList page={page} />;
}

function CourseList({ page }: { page: Page }): React.JSX.Element {
  const courses = useLoaded("courses", () => work.courses());
  return (
    <>
      <Heading title="Courses">
        <Button kind="link" onClick={courses.reload}>
          Refresh
        </Button>
      </Heading>
      <div className="collegium-Panel-body">
        {courses.error && <Failure error={courses.error} retry={courses.reload} />}
        {!courses.data && !courses.error && <Loading />}
        {courses.data?.length === 0 && (
          <Empty>You are in no course yet. Your instructor adds you, or gives you a link to join.</Empty>
        )}
        {courses.data?.map((course) => (
          <CourseSection key={course.id} course={course} page={page} />
        ))}
      </div>
    </>
  );
}

function CourseSection({ course, page }: { course: Course; page: Page }): React.JSX.Element {
  const assignments = useLoaded(course.id, () => work.assignments(course.id));
  const isStaff = course.role === "instructor" || course.role === "grader";
  return (
    <section aria-label={course.title}>
      <h3>{course.title}</h3>
      {isStaff && (
        <p className="collegium-Empty">
          You teach this course.{" "}
          <a
            className="collegium-Link"
            href={`${webPath}courses/${course.id}`}
            target="_blank"
            rel="noreferrer"
          >
            Manage and grade it
          </a>
          . Points and kinds of cells are in the property inspector, at the right.
        </p>
      )}
      {assignments.error && <Failure error={assignments.error} retry={assignments.reload} />}
      {assignments.data?.length === 0 && <Empty>No assignment is released yet.</Empty>}
      {assignments.data?.map((assignment) =>
        isStaff ? (
          <p key={assignment.name}>
            {assignment.name} <small>{dueWords(assignment, clock())}</small>
          </p>
        ) : (
          <AssignmentCard key={assignment.name} course={course} assignment={assignment} page={page} />
        ),
      )}
    </section>
  );
}

interface CardProps {
  course: Course;
  assignment: Assignment;
  page: Page;
}

function AssignmentCard({ course, assignment, page }: CardProps): React.JSX.Element {
  const state = useLoaded(`${course.id} ${assignment.name}`, () =>
    Promise.all([work.state(course.id, assignment.name), work.submissions(course.id, assignment.name)]),
  );
  const [isBusy, setBusy] = useState(false);
  const [checked, setChecked] = useState<WorkState>();
  const [there, submissions] = state.data ?? [undefined, []];
  const isFetched = !!there?.files.length;
  const open = isOpen(assignment, clock());
  const busy = async (deed: () => Promise<unknown>) => {
    setBusy(true);
    await attempt(deed);
    setBusy(false);
  };
  const check = async () => {
    await saveFolder(page, assignment.name);
    setChecked(await work.state(course.id, assignment.name));
    state.reload();
  };
  const handIn = async () => {
    if (await handInWork({ course, assignment, page })) state.reload();
  };
  const fetchIt = async () => {
    openWork(page, await work.fetch(course.id, assignment.name));
    state.reload();
  };
  return (
    <article className="collegium-Assignment" aria-label={assignment.name}>
      <h4>{assignment.name}</h4>
      <small title={assignment.due_at ? new Date(assignment.due_at).toLocaleString() : undefined}>
        {dueWords(assignment, clock())} · {count(assignment.points, "point")}
      </small>
      {state.error && <Failure error={state.error} retry={state.reload} />}
      <div className="collegium-Assignment-actions">
        <Button kind={isFetched ? "plain" : "accept"} disabled={isBusy} onClick={() => void busy(fetchIt)}>
          {isFetched ? "Open" : "Fetch"}
        </Button>
        <Button disabled={isBusy || !isFetched} onClick={() => void busy(check)}>
          Check
        </Button>
        <Button
          kind={isFetched ? "accept" : "plain"}
          disabled={isBusy || !isFetched || !open}
          onClick={() => void busy(handIn)}
        >
          Hand in
        </Button>
      </div>
      {checked && <Checked state={checked} />}
      <Submissions {...{ course, assignment, submissions, page }} />
    </article>
  );
}

function Submissions(props: CardProps & { submissions: Submission[] }): React.JSX.Element {
  const { course, assignment, submissions, page } = props;
  const chosen = counted(submissions);
  if (!chosen) return <small>Not handed in yet.</small>;
  const now = clock();
  return (
    <ul className="collegium-List">
      {submissions.map((submission) => (
        <li key={submission.id}>
          <small>
            Handed in {ago(Date.parse(submission.received_at) / 1000, now)}
            {submission.late_seconds > 0 && ", late"}
            {submissions.length > 1 && submission.id === chosen.id && " · counts"}
            {submission.score !== null && ` · ${scoreWords(submission.score, submission.points)}`}
          </small>{" "}
          {assignment.feedback_released_at && submission.id === chosen.id && (
            <Button
              kind="link"
              onClick={() => void attempt(() => showFeedback(page, course, assignment, submission))}
            >
              Feedback
            </Button>
          )}
        </li>
      ))}
    </ul>
  );
}

function openWork(
  { documents }: Page,
  delivered: { project_id: string; folder: string; files: { target: string }[] },
) {
  const target =
    delivered.files.find((file) => file.target.endsWith(".ipynb"))?.target ?? delivered.files[0]?.target;
  if (delivered.project_id === projectId) {
    if (target) documents.openOrReveal(`${delivered.folder}/${target}`);
    return;
  }
  // The work lies in the student's own project of the course: it is opened there.
  window.open(
    `/user/projects/${delivered.project_id}/lab/tree/${delivered.folder}/${target ?? ""}`,
    "_blank",
  );
}

async function handInWork({ course, assignment, page }: CardProps): Promise<boolean> {
  await saveFolder(page, assignment.name);
  const state = await work.state(course.id, assignment.name);
  const answer = await showDialog({
    title: `Hand in ${assignment.name}?`,
    body: (
      <div>
        <ul>
          {state.files.map((file) => (
            <li key={file.path}>
              {file.path} ({bytes(file.size)})
            </li>
          ))}
        </ul>
        <Checked state={state} />
        <p>{dueWords(assignment, clock())}. You may hand in again while it is open; the last one counts.</p>
      </div>
    ),
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: "Hand in" })],
  });
  if (!answer.button.accept) return false;
  await showReceipt(await work.handIn(course.id, assignment.name));
  return true;
}

function showReceipt(receipt: Receipt): Promise<unknown> {
  return showDialog({
    title: "Handed in",
    body: (
      <div className="collegium-Receipt">
        <p>
          Received {new Date(receipt.received_at).toLocaleString()}
          {receipt.late_seconds > 0 ? " (late)" : ""}, as submission {receipt.submission}. Keep this receipt:
          it proves what was handed in and when.
        </p>
        <ul>
          {receipt.files.map((file) => (
            <li key={file.path}>
              {file.path} ({bytes(file.size)})
            </li>
          ))}
        </ul>
        <p>
          <code title="SHA-256 of what was received">{receipt.sha256}</code>
        </p>
        <a
          className="collegium-Link"
          download={`receipt-${receipt.assignment}-${receipt.submission}.json`}
          href={`data:application/json,${encodeURIComponent(JSON.stringify(receipt, null, 2))}`}
        >
          Download the receipt
        </a>
      </div>
    ),
    buttons: [Dialog.okButton({ label: "Close" })],
  });
}

async function showFeedback({ app }: Page, course: Course, assignment: Assignment, submission: Submission) {
  const pages = await work.feedback(course.id, submission.id);
  for (const feedback of pages) {
    const frame = new IFrame({ sandbox: [] }); // a page to read: nothing in it runs
    const widget = new MainAreaWidget({ content: frame });
    widget.id = `collegium-feedback-${submission.id}-${feedback.notebook}`;
    widget.title.label = `Feedback: ${assignment.name}`;
    widget.title.icon = courseIcon;
    widget.title.closable = true;
    if (![...app.shell.widgets("main")].some((each) => each.id === widget.id)) {
      frame.url = URL.createObjectURL(new Blob([feedback.html], { type: "text/html" }));
      app.shell.add(widget, "main");
    }
    app.shell.activateById(widget.id);
  }
}
