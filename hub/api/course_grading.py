"""Operations on submissions, gradings, marks, feedback and the gradebook."""

from __future__ import annotations

import asyncio

from sqlalchemy.orm import Session

from courseware import (
    Capability,
    assignments,
    courses,
    feedback,
    groups,
    jobs,
    proposals,
    results,
    rubrics,
    submissions,
)
from courseware.models import AssignmentRow, GradingRow, SubmissionRow
from courseware.store import get_files, put_files
from hub.api import course_grade_schemas as g
from hub.api import course_schemas as s
from hub.api.context import Context
from hub.api.course_files import read_files
from hub.api.course_support import (
    assignment_of,
    blobs,
    course_of,
    is_staff_of,
    readable,
    receipt_key,
    submission_of,
    to_grade,
    transaction,
)
from hub.api.operation import operation
from hub.errors import InvalidError, NotFoundError


@operation(
    "POST",
    "/courses/{course_id}/assignments/{assignment}/submissions",
    "Hand in",
    body=s.FileSet,
    response=s.Receipt,
    status=201,
)
async def hand_in(ctx: Context) -> s.Receipt:
    """Take a submission of the caller; repeating the request gives the same receipt."""
    given, now = ctx.body_as(s.FileSet), ctx.platform.now()
    await transaction(ctx, lambda session: course_of(session, ctx, Capability.SUBMIT).id, read=True)
    files = await read_files(ctx, given)
    if not files:
        raise InvalidError("There is no file to hand in.")
    manifest = await transaction(ctx, lambda _session: put_files(blobs(ctx), files), read=True)
    key = await asyncio.to_thread(receipt_key, ctx.platform.settings)

    def work(session: Session) -> s.Receipt:
        course_of(session, ctx, Capability.SUBMIT)
        handed = submissions.HandIn(ctx.actor.name, manifest, given.request_key)
        row = submissions.hand_in(session, assignment_of(session, ctx), handed, key=key, now=now)
        return s.Receipt.model_validate(row.receipt)

    return await transaction(ctx, work)


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/submissions",
    "Submissions to an assignment",
    response=g.SubmissionList,
)
async def list_submissions(ctx: Context) -> g.SubmissionList:
    """Return to staff the submission that counts of each student, to a student all of their own."""

    def work(session: Session) -> g.SubmissionList:
        course = course_of(session, ctx, Capability.READ)
        assignment = assignment_of(session, ctx)
        if is_staff_of(session, ctx, course):
            mine, found = to_grade(session, ctx), submissions.counted(session, assignment.id)
            return g.SubmissionList(items=[_submission(row) for row in found if mine.has(row.user_name)])
        own = submissions.of_student(session, assignment.id, groups.owner_of(session, assignment, ctx.actor.name))
        return g.SubmissionList(items=[_own_view(_submission(r), assignment) for r in own])

    return await transaction(ctx, work, read=True)


@operation(
    "GET",
    "/courses/{course_id}/submissions/{submission_id}",
    "A submission with its scores",
    response=g.SubmissionDetail,
)
async def read_submission(ctx: Context) -> g.SubmissionDetail:
    """Return a submission with everything its score follows from; students see scores once they are returned."""

    def work(session: Session) -> g.SubmissionDetail:
        row, is_staff = readable(session, ctx)
        grading = session.get(GradingRow, row.grading_id) if row.grading_id else None
        is_returned = is_staff or row.assignment.feedback_released_at is not None
        scores = results.effective_scores(session, row) if is_returned else []
        if not is_staff:
            scores = [results.without_hidden_messages(score) for score in scores]
        summary = _submission(row) if is_staff else _own_view(_submission(row), row.assignment)
        return g.SubmissionDetail(
            **summary.model_dump(),
            penalty_fraction=row.penalty_fraction,
            version=row.version.number,
            seed=grading.seed if grading is not None and is_staff else None,
            environment=grading.environment if grading is not None and is_staff else {},
            findings=grading.findings if grading is not None and is_returned else [],
            scores=[g.CellScore.model_validate(score, from_attributes=True) for score in scores],
            receipt=s.Receipt.model_validate(row.receipt),
        )

    return await transaction(ctx, work, read=True)


@operation(
    "POST",
    "/courses/{course_id}/submissions/{submission_id}/choose",
    "Make a submission the one that counts",
    status=204,
)
async def choose_submission(ctx: Context) -> None:
    """Let one of one's own submissions count, whatever is handed in later."""
    now = ctx.platform.now()

    def work(session: Session) -> None:
        course_of(session, ctx, Capability.SUBMIT)
        row = submission_of(session, ctx)
        if not groups.belongs_to(session, row, ctx.actor.name):
            raise NotFoundError("There is no such submission of yours.")
        submissions.choose(session, row, by=ctx.actor.name, now=now)

    await transaction(ctx, work)


@operation(
    "PUT",
    "/courses/{course_id}/submissions/{submission_id}/marks",
    "Mark a cell",
    body=g.MarkUpdate,
    response=g.CellScore,
)
async def mark_cell(ctx: Context) -> g.CellScore:
    """Set score, extra credit and comment of a cell; refused when somebody else changed them meanwhile."""
    given, now = ctx.body_as(g.MarkUpdate), ctx.platform.now()

    def work(session: Session) -> g.CellScore:
        course_of(session, ctx, Capability.GRADE)
        made = results.mark(
            session,
            submission_of(session, ctx),
            given.notebook,
            given.grade_id,
            results.Mark(given.score, given.extra_credit, given.comment, tuple(given.rubric_items)),
            revision=given.revision,
            by=ctx.actor.name,
            now=now,
        )
        return g.CellScore.model_validate(made, from_attributes=True)

    return await transaction(ctx, work)


@operation(
    "POST",
    "/courses/{course_id}/assignments/{assignment}/gradings",
    "Grade again",
    body=g.GradeRequest,
    response=g.GradingProgress,
    status=202,
)
async def start_grading(ctx: Context) -> g.GradingProgress:
    """Put submissions into the queue, against the released version; all that count unless some are named.

    A grader who is limited to a part of the course starts the grading of that part.
    """
    given, now = ctx.body_as(g.GradeRequest), ctx.platform.now()

    def work(session: Session) -> g.GradingProgress:
        mine = to_grade(session, ctx)
        version = assignments.released_version(mine.assignment)
        for row in submissions.counted(session, mine.assignment.id):
            if mine.has(row.user_name) and (given.submissions is None or row.id in given.submissions):
                jobs.enqueue(
                    session, row, version.id, now=now, is_proposal=given.propose, priority=jobs.PRIORITY_REGRADE
                )
        return g.GradingProgress(states=jobs.progress(session, mine.assignment.id, mine.owners))

    return await transaction(ctx, work)


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/gradings",
    "How far grading is",
    response=g.GradingProgress,
)
async def read_grading_progress(ctx: Context) -> g.GradingProgress:
    """Return how many gradings are in each state."""

    def work(session: Session) -> g.GradingProgress:
        mine = to_grade(session, ctx)
        return g.GradingProgress(states=jobs.progress(session, mine.assignment.id, mine.owners))

    return await transaction(ctx, work, read=True)


@operation(
    "DELETE", "/courses/{course_id}/assignments/{assignment}/gradings", "Cancel grading", response=g.GradingProgress
)
async def cancel_grading(ctx: Context) -> g.GradingProgress:
    """Cancel what is queued or running."""
    now = ctx.platform.now()

    def work(session: Session) -> g.GradingProgress:
        mine = to_grade(session, ctx)
        jobs.cancel(session, mine.assignment.id, now, mine.owners)
        return g.GradingProgress(states=jobs.progress(session, mine.assignment.id, mine.owners))

    return await transaction(ctx, work)


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/proposals",
    "What a regrade would change",
    response=g.ScoreChanges,
)
async def read_proposals(ctx: Context) -> g.ScoreChanges:
    """Return the differences between the scores that count and the proposed ones."""

    def work(session: Session) -> g.ScoreChanges:
        mine = to_grade(session, ctx)
        changes = [c for c in proposals.proposed_changes(session, mine.assignment.id) if mine.has(c.user_name)]
        return g.ScoreChanges(items=[g.ScoreChange.model_validate(c, from_attributes=True) for c in changes])

    return await transaction(ctx, work, read=True)


@operation(
    "POST", "/courses/{course_id}/assignments/{assignment}/proposals", "Let a proposed regrade count", status=204
)
async def publish_proposals(ctx: Context) -> None:
    """Make the proposed gradings count."""
    now = ctx.platform.now()

    def work(session: Session) -> None:
        course_of(session, ctx, Capability.MANAGE)
        proposals.publish_proposals(session, assignment_of(session, ctx).id, by=ctx.actor.name, now=now)

    await transaction(ctx, work)


@operation(
    "POST",
    "/courses/{course_id}/assignments/{assignment}/feedback",
    "Return scores and feedback",
    response=g.Returned,
)
async def release_feedback(ctx: Context) -> g.Returned:
    """Let students see their scores and feedback."""
    now = ctx.platform.now()

    def work(session: Session) -> g.Returned:
        course = course_of(session, ctx, Capability.MANAGE)
        assignment = assignment_of(session, ctx)
        assignment.feedback_released_at = assignment.feedback_released_at or now
        courses.record(session, course.id, now, ctx.actor.name, "feedback.release", assignment.name)
        return g.Returned(feedback_released_at=assignment.feedback_released_at)

    return await transaction(ctx, work)


@operation(
    "GET", "/courses/{course_id}/submissions/{submission_id}/feedback", "Feedback on a submission", response=g.Feedback
)
async def read_feedback(ctx: Context) -> g.Feedback:
    """Return the feedback pages; to the student once they are returned."""

    def work(session: Session) -> g.Feedback:
        row, is_staff = readable(session, ctx)
        if not is_staff and row.assignment.feedback_released_at is None:
            raise NotFoundError("The feedback is not returned yet.")
        grading = session.get(GradingRow, row.grading_id) if row.grading_id else None
        executed = get_files(blobs(ctx), grading.executed_manifest) if grading is not None else {}
        scores = results.effective_scores(session, row)
        options = feedback.FeedbackOptions(show_hidden_tests=is_staff)
        rubric = rubrics.offered(session, row.assignment_id, {i for score in scores for i in score.rubric_items})
        pages = [
            g.FeedbackPage(
                notebook=name,
                html=feedback.render(
                    f"{row.assignment.name}: {name}",
                    name,
                    executed.get(name),
                    scores,
                    grading.findings if grading is not None else [],
                    row.penalty_fraction,
                    options,
                    rubric,
                ),
            )
            for name in assignments.structure_of(row.version).notebooks
        ]
        return g.Feedback(items=pages)

    return await transaction(ctx, work, read=True)


def _submission(row: SubmissionRow) -> g.Submission:
    names = set(g.Submission.model_fields) - {"sha256"}
    return g.Submission(sha256=row.manifest, **{name: getattr(row, name) for name in names})


def _own_view(shown: g.Submission, assignment: AssignmentRow) -> g.Submission:
    if assignment.feedback_released_at is not None:
        return shown
    return shown.model_copy(update={"score": None, "raw_score": None, "needs_manual": False})
