"""Scores in the database: what the machine said, what people said over it, and the total that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import jobs, rubrics
from courseware.assignments import structure_of
from courseware.courses import record
from courseware.errors import ConflictError, InvalidError, NotFoundError
from courseware.gradebook import late_score
from courseware.grading import Graded
from courseware.models import (
    CellScoreRow,
    GradingRow,
    JobRow,
    MarkRow,
    SubmissionRow,
)
from courseware.notebooks import storable
from courseware.structure import Structure


@dataclass(frozen=True, slots=True)
class EffectiveScore:
    """A cell's score as it counts, with everything it follows from.

    Attributes
    ----------
    score
        A person's score where there is one, else the machine's; extra credit added. `None`: not graded yet.
    auto_score, manual_score, extra_credit
        What it follows from.
    reason, message
        What the machine said.
    comment, auto_comment
        Of people, of the machine.
    needs_manual
        Whether a person has to look.
    revision
        Of the person's mark; 0 without one. A change must name it.
    """

    notebook: str
    grade_id: str
    points: float
    kind: str
    score: float | None
    auto_score: float | None
    manual_score: float | None
    extra_credit: float
    reason: str
    message: str
    comment: str
    auto_comment: str
    needs_manual: bool
    revision: int
    rubric_items: tuple[int, ...]
    marked_by: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A person's word on a cell.

    Attributes
    ----------
    score
        Replaces the machine's; `None` leaves that one.
    extra_credit
        Added, beyond the points of the cell if need be.
    comment
        Markdown with LaTeX.
    rubric_items
        Ids of the items that apply. When given, the score follows from them: the points of the cell and what the
        items add or take, from 0 to the points.
    """

    score: float | None = None
    extra_credit: float = 0.0
    comment: str = ""
    rubric_items: tuple[int, ...] = ()


def store(
    session: Session,
    job: JobRow,
    graded: Graded,
    *,
    seed: int,
    environment: Mapping[str, object],
    executed_manifest: str,
    now: datetime,
) -> GradingRow:
    """Keep the result of a job; unless it is a proposal, it counts from now on."""
    submission = session.get_one(SubmissionRow, job.submission_id)
    row = GradingRow(
        submission_id=submission.id,
        version_id=job.version_id,
        state="proposed",
        seed=seed,
        environment=dict(environment),
        findings=[
            {"kind": f.kind.value, "notebook": f.notebook, "grade_id": storable(f.grade_id), "text": storable(f.text)}
            for f in graded.findings
        ],
        executed_manifest=executed_manifest,
        created_at=now,
    )
    row.scores = [
        CellScoreRow(
            notebook=s.notebook,
            grade_id=s.grade_id,
            position=position,
            points=s.points,
            score=s.score.points,
            reason=storable(s.score.reason),
            message=storable(s.score.message),
            comment=s.comment,
            needs_review=s.score.needs_review,
        )
        for position, s in enumerate(graded.scores)
    ]
    session.add(row)
    session.flush()
    if not job.is_proposal:
        make_current(session, submission, row, by="grader", now=now)
    jobs.end(session, job, "done", now)
    return row


def make_current(session: Session, submission: SubmissionRow, grading: GradingRow, *, by: str, now: datetime) -> None:
    """Make a grading count. Marks of people stay; where the machine score under one changes, somebody looks again."""
    earlier = session.get(GradingRow, submission.grading_id) if submission.grading_id else None
    if earlier is not None and earlier.id != grading.id:
        earlier.state = "superseded"
        old = {(s.notebook, s.grade_id): s.score for s in earlier.scores}
        marked = _marks(session, submission.id)
        for score in grading.scores:
            key = (score.notebook, score.grade_id)
            if key in marked and marked[key].score is not None and old.get(key) != score.score:
                score.needs_review = True
    grading.state = "current"
    submission.grading_id, submission.version_id = grading.id, grading.version_id
    submission.state = "graded"
    session.flush()
    session.expire(submission, ["grading", "version"])
    before, after = recompute(session, submission)
    record(
        session,
        submission.assignment.course_id,
        now,
        by,
        "grading.current",
        subject_of(submission),
        before=before,
        after=after,
    )


def effective_scores(session: Session, submission: SubmissionRow) -> list[EffectiveScore]:
    """Return the scores of a submission as they count, in the order of the assignment."""
    grading = session.get(GradingRow, submission.grading_id) if submission.grading_id else None
    auto = {(s.notebook, s.grade_id): s for s in grading.scores} if grading is not None else {}
    marks = _marks(session, submission.id)
    return effective_from(structure_of(submission.version), auto, marks)


def effective_from(
    structure: Structure,
    auto: Mapping[tuple[str, str], CellScoreRow],
    marks: Mapping[tuple[str, str], MarkRow],
) -> list[EffectiveScore]:
    """Return the scores that follow from what the machine and people said, by notebook and grade id."""
    return [
        _effective(
            cell.notebook,
            cell.grade_id,
            cell.points,
            cell.kind,
            auto.get((cell.notebook, cell.grade_id)),
            marks.get((cell.notebook, cell.grade_id)),
        )
        for cell in structure.cells
    ]


def without_hidden_messages(score: EffectiveScore) -> EffectiveScore:
    """Return a score as its student may see it: a test's traceback can quote a hidden test."""
    return replace(score, message="")


def recompute(session: Session, submission: SubmissionRow) -> tuple[str, str]:
    """Set the totals of a submission from its cells; return them before and after, as text."""
    before = _score_text(submission.score)
    scores = effective_scores(session, submission)
    graded = submission.grading_id is not None or any(s.revision for s in scores)
    submission.raw_score = sum(s.score or 0.0 for s in scores) if graded else None
    submission.score = (
        late_score(submission.raw_score, submission.penalty_fraction) if submission.raw_score is not None else None
    )
    submission.points = sum(s.points for s in scores)
    submission.needs_manual = any(s.needs_manual for s in scores)
    session.flush()
    return before, _score_text(submission.score)


def mark(
    session: Session,
    submission: SubmissionRow,
    notebook: str,
    grade_id: str,
    given: Mark,
    *,
    revision: int,
    by: str,
    now: datetime,
) -> EffectiveScore:
    """Set a person's mark of a cell.

    Parameters
    ----------
    revision
        Of the mark that the person saw, 0 when there was none: another revision means that somebody else was
        faster, and nothing is changed.

    Raises
    ------
    ConflictError
        Somebody else changed the mark; the message says who and to what.
    InvalidError
        The score is out of range.
    NotFoundError
        The version has no such cell.
    """
    cell = next(
        (c for c in structure_of(submission.version).cells if (c.notebook, c.grade_id) == (notebook, grade_id)), None
    )
    if cell is None:
        raise NotFoundError(f"The assignment has no scored cell {grade_id!r} in {notebook!r}.")
    row = session.get(MarkRow, (submission.id, notebook, grade_id), with_for_update=True)
    found = row.revision if row is not None else 0
    if found != revision:
        told = f"{row.by} set it to {_score_text(row.score)}" if row is not None else "it was removed"
        raise ConflictError(f"Somebody changed the mark of {grade_id} meanwhile: {told}. Look at it and try again.")
    score = given.score
    if given.rubric_items:
        kept = row.rubric_items if row is not None else ()
        here = (notebook, grade_id)
        score = rubrics.score_from(session, submission.assignment_id, here, cell.points, given.rubric_items, kept)
    elif score is not None and not 0 <= score <= cell.points:
        raise InvalidError(f"A score of {score:g} is not from 0 to {cell.points:g}; use extra credit for more.")
    before = _mark_text(row)
    if row is None:
        row = MarkRow(submission_id=submission.id, notebook=notebook, grade_id=grade_id, revision=0)
        session.add(row)
    row.score, row.extra_credit, row.comment = score, given.extra_credit, given.comment
    row.rubric_items = list(given.rubric_items)
    row.revision, row.by, row.at = found + 1, by, now
    session.flush()
    recompute(session, submission)
    record(
        session,
        submission.assignment.course_id,
        now,
        by,
        "mark.set",
        f"{subject_of(submission)}, {notebook} {grade_id}",
        before=before,
        after=_mark_text(row),
    )
    return next(s for s in effective_scores(session, submission) if (s.notebook, s.grade_id) == (notebook, grade_id))


def _effective(
    notebook: str, grade_id: str, points: float, kind: str, auto: CellScoreRow | None, row: MarkRow | None
) -> EffectiveScore:
    auto_score = auto.score if auto is not None else None
    manual = row.score if row is not None else None
    base = manual if manual is not None else auto_score
    extra = row.extra_credit if row is not None else 0.0
    undecided = base is None
    review = auto is not None and auto.needs_review and (row is None or (auto_score is not None and manual is None))
    return EffectiveScore(
        notebook=notebook,
        grade_id=grade_id,
        points=points,
        kind=kind,
        score=base + extra if base is not None else (extra or None),
        auto_score=auto_score,
        manual_score=manual,
        extra_credit=extra,
        reason=auto.reason if auto is not None else "",
        message=auto.message if auto is not None else "",
        comment=row.comment if row is not None else "",
        auto_comment=auto.comment if auto is not None else "",
        needs_manual=undecided or review,
        revision=row.revision if row is not None else 0,
        rubric_items=tuple(row.rubric_items) if row is not None else (),
        marked_by=row.by if row is not None else "",
    )


def _marks(session: Session, submission_id: int) -> dict[tuple[str, str], MarkRow]:
    rows = session.scalars(select(MarkRow).where(MarkRow.submission_id == submission_id)).all()
    return {(row.notebook, row.grade_id): row for row in rows}


def subject_of(submission: SubmissionRow) -> str:
    """Return by what the audit log calls a submission; lines about its cells go on after a comma."""
    return f"{submission.assignment.name}: {submission.user_name}, submission {submission.id}"


def _score_text(score: float | None) -> str:
    return "none" if score is None else f"{score:g}"


def _mark_text(row: MarkRow | None) -> str:
    if row is None:
        return "none"
    extra = f" + {row.extra_credit:g}" if row.extra_credit else ""
    return f"{_score_text(row.score)}{extra}{' with comment' if row.comment else ''}"
