import React, { useState } from "react";

import { ago, clock, count } from "../core/format";
import { webPath } from "../core/project";
import { attempt, Button, Empty, Failure, Heading, Loading, useLoaded } from "../core/view";
import { workHere, type WorkPlace, type WorkState } from "./api";
import { Checked, saveFolder, type Page } from "./parts";
import { dueWords } from "./state";

/**
 * The assignments that are worked on in this project, on a page in the project's own origin.
 *
 * Code of all who write into the project runs beside this page. So it opens and checks the work that lies here; handing
 * in, feedback and scores are on the platform's page of the course.
 */
export function WorkHere({ page }: { page: Page }): React.JSX.Element {
  const places = useLoaded("assignments", () => workHere.assignments());
  return (
    <>
      <Heading title="Courses">
        <Button kind="link" onClick={places.reload}>
          Refresh
        </Button>
      </Heading>
      <div className="collegium-Panel-body">
        {places.error && <Failure error={places.error} retry={places.reload} />}
        {!places.data && !places.error && <Loading />}
        {places.data?.length === 0 && (
          <Empty>
            You work on no assignment in this project. Fetch assignments, hand in and read feedback on the
            page of your courses.
          </Empty>
        )}
        {byCourse(places.data ?? []).map(([title, assignments]) => (
          <section key={assignments[0]!.course_id} aria-label={title}>
            <h3>{title}</h3>
            {assignments.map((place) => (
              <PlaceCard key={place.name} place={place} page={page} />
            ))}
          </section>
        ))}
        <p className="collegium-Empty">
          <a className="collegium-Link" href={`${webPath}courses`} target="_blank" rel="noreferrer">
            To your courses
          </a>
        </p>
      </div>
    </>
  );
}

function byCourse(places: readonly WorkPlace[]): [string, WorkPlace[]][] {
  const courses = new Map<string, WorkPlace[]>();
  for (const place of places) courses.set(place.course_id, [...(courses.get(place.course_id) ?? []), place]);
  return [...courses.values()].map((assignments) => [assignments[0]!.course_title, assignments]);
}

function PlaceCard({ place, page }: { place: WorkPlace; page: Page }): React.JSX.Element {
  const state = useLoaded(`${place.course_id} ${place.name}`, () => workHere.state(place));
  const [isBusy, setBusy] = useState(false);
  const [checked, setChecked] = useState<WorkState>();
  const files = state.data?.files ?? [];
  const busy = async (deed: () => Promise<unknown>) => {
    setBusy(true);
    await attempt(deed);
    setBusy(false);
  };
  const open = () => {
    const first = files.find((file) => file.path.endsWith(".ipynb")) ?? files[0];
    if (first) page.documents.openOrReveal(`${place.name}/${first.path}`);
  };
  const check = async () => {
    await saveFolder(page, place.name);
    setChecked(await workHere.state(place));
    state.reload();
  };
  const toCourse = async () => {
    await saveFolder(page, place.name);
    window.open(`${webPath}courses/${place.course_id}`, "_blank", "noopener");
  };
  return (
    <article className="collegium-Assignment" aria-label={place.name}>
      <h4>{place.name}</h4>
      <small title={place.due_at ? new Date(place.due_at).toLocaleString() : undefined}>
        {dueWords(place, clock())} · {count(place.points, "point")}
      </small>
      {state.error && <Failure error={state.error} retry={state.reload} />}
      <div className="collegium-Assignment-actions">
        <Button disabled={isBusy || !files.length} onClick={open}>
          Open
        </Button>
        <Button disabled={isBusy || !files.length} onClick={() => void busy(check)}>
          Check
        </Button>
        <Button kind="accept" disabled={isBusy} onClick={() => void busy(toCourse)}>
          {files.length ? "To hand in" : "To fetch it"}
        </Button>
      </div>
      {checked && <Checked state={checked} />}
      <small>
        {place.handed_in_at
          ? `Handed in ${ago(Date.parse(place.handed_in_at) / 1000, clock())}.`
          : "Not handed in yet."}
        {place.handed_in_at && place.feedback_released_at && " There is feedback on the course’s page."}
      </small>
    </article>
  );
}
