"""Operations of the grading page: what is to be marked, and a submission as a grader reads it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from courseware import Capability, assignments, marking, requests, results, rubrics
from courseware.models import GradingRow, SubmissionRow
from courseware.store import get_files
from hub.api import course_grade_schemas as g
from hub.api import course_work_schemas as w
from hub.api.context import Context
from hub.api.course_rubric_schemas import OfferedItem
from hub.api.course_support import blobs, course_of, submission_of, to_grade, transaction
from hub.api.operation import Query, operation


class MarkingQuery(Query):
    """Whether names are shown; marking is anonymous otherwise."""

    names: bool = False


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/marking",
    "What is to be marked",
    query=MarkingQuery,
    response=w.MarkingList,
)
async def list_marking(ctx: Context) -> w.MarkingList:
    """Return every submission that counts with the scores of its cells, to those who grade it."""

    def work(session: Session) -> w.MarkingList:
        mine = to_grade(session, ctx)
        assignment = mine.assignment
        found = [entry for entry in marking.listed(session, assignment.id) if mine.has(entry.row.user_name)]
        version = assignment.released
        cells = assignments.structure_of(version).cells if version is not None else ()
        asked = requests.open_requests(session, assignment.id)
        items = [_listed(entry, ctx, has_request=entry.row.id in asked) for entry in found]
        return w.MarkingList(
            questions=[w.Question.model_validate(cell, from_attributes=True) for cell in cells],
            items=sorted(items, key=lambda item: item.label),
        )

    return await transaction(ctx, work, read=True)


@operation(
    "GET",
    "/courses/{course_id}/submissions/{submission_id}/marking",
    "A submission as a grader reads it",
    query=MarkingQuery,
    response=w.MarkingPage,
)
async def read_marking(ctx: Context) -> w.MarkingPage:
    """Return a submission piece by piece, each with its score, as pages without scripts."""

    def work(session: Session) -> w.MarkingPage:
        course_of(session, ctx, Capability.GRADE)
        row = submission_of(session, ctx)
        grading = session.get(GradingRow, row.grading_id) if row.grading_id else None
        manifest = grading.executed_manifest if grading is not None else row.manifest
        scores = results.effective_scores(session, row)
        pieces = marking.segments(
            get_files(blobs(ctx), manifest), get_files(blobs(ctx), row.version.released_manifest), scores
        )
        label, user_name = _identity(row, ctx)
        kept = {item for score in scores for item in score.rubric_items}
        rubric = rubrics.offered(session, row.assignment_id, kept)
        return w.MarkingPage(
            id=row.id,
            label=label,
            user_name=user_name,
            state=row.state,
            late_seconds=row.late_seconds,
            penalty_fraction=row.penalty_fraction,
            score=row.score,
            points=row.points,
            sha256=row.manifest,
            version=row.version.number,
            findings=grading.findings if grading is not None else [],
            segments=[_segment(piece) for piece in pieces],
            rubric=[OfferedItem.model_validate(item, from_attributes=True) for item in rubric],
        )

    return await transaction(ctx, work, read=True)


def _identity(row: SubmissionRow, ctx: Context) -> tuple[str, str | None]:
    """Return by what a submission is called, and whose it is where names are asked for."""
    if ctx.query_as(MarkingQuery).names:
        return row.user_name, row.user_name
    return marking.label_of(row), None


def _listed(entry: marking.ListedSubmission, ctx: Context, *, has_request: bool) -> w.MarkedSubmission:
    row = entry.row
    label, user_name = _identity(row, ctx)
    return w.MarkedSubmission(
        id=row.id,
        label=label,
        user_name=user_name,
        state=row.state,
        score=row.score,
        points=row.points,
        late_seconds=row.late_seconds,
        needs_manual=row.needs_manual,
        has_request=has_request,
        cells=[w.MarkedCell.model_validate(score, from_attributes=True) for score in entry.scores],
    )


def _segment(piece: marking.Segment) -> w.Segment:
    return w.Segment(
        notebook=piece.notebook,
        html=piece.html,
        score=g.CellScore.model_validate(piece.score, from_attributes=True) if piece.score is not None else None,
        diff=[w.DiffLine(kind=kind, text=text) for kind, text in piece.diff],
    )
