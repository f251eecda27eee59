"""Operations on submissions, gradings, marks, feedback and the gradebook."""

from __future__ import annotations

import asyncio

from sqlalchemy.orm import Session

from courseware import Capability, CourseRole, assignments, courses, feedback, jobs, proposals, results, submissions
from courseware.models import AssignmentRow, CourseRow, GradingRow, SubmissionRow
from courseware.store import get_files, put_files
from hub.api import course_schemas as s
from hub.api.context import Context
from hub.api.course_files import read_files
from hub.api.course_support import blobs, caller, receipt_key, transaction
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
    await transaction(ctx, lambda session: _course(session, ctx, Capability.SUBMIT).id, read=True)
    files = await read_files(ctx, given)
    if not files:
        raise InvalidError("There is no file to hand in.")
    manifest = await transaction(ctx, lambda _session: put_files(blobs(ctx), files), read=True)
    key = await asyncio.to_thread(receipt_key, ctx.platform.settings)

    def work(session: Session) -> s.Receipt:
        _course(session, ctx, Capability.SUBMIT)
        handed = submissions.HandIn(ctx.actor.name, manifest, given.request_key)
        row = submissions.hand_in(session, _assignment(session, ctx), handed, key=key, now=now)
        return s.Receipt.model_validate(row.receipt)

    return await transaction(ctx, work)


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/submissions",
    "Submissions to an assignment",
    response=s.SubmissionList,
)
async def list_submissions(ctx: Context) -> s.SubmissionList:
    """Return to staff the submission that counts of each student, to a student all of their own."""

    def work(session: Session) -> s.SubmissionList:
        course = _course(session, ctx, Capability.READ)
        assignment = _assignment(session, ctx)
        if _is_staff(session, ctx, course):
            return s.SubmissionList(items=[_submission(r) for r in submissions.counted(session, assignment.id)])
        own = submissions.of_student(session, assignment.id, ctx.actor.name)
        return s.SubmissionList(items=[_own_view(_submission(r), assignment) for r in own])

    return await transaction(ctx, work, read=True)


@operation(
    "GET",
    "/courses/{course_id}/submissions/{submission_id}",
    "A submission with its scores",
    response=s.SubmissionDetail,
)
async def read_submission(ctx: Context) -> s.SubmissionDetail:
    """Return a submission with everything its score follows from; students see scores once they are returned."""

    def work(session: Session) -> s.SubmissionDetail:
        row, is_staff = readable(session, ctx)
        grading = session.get(GradingRow, row.grading_id) if row.grading_id else None
        is_returned = is_staff or row.assignment.feedback_released_at is not None
        scores = results.effective_scores(session, row) if is_returned else []
        if not is_staff:
            scores = [results.without_hidden_messages(score) for score in scores]
        summary = _submission(row) if is_staff else _own_view(_submission(row), row.assignment)
        return s.SubmissionDetail(
            **summary.model_dump(),
            penalty_fraction=row.penalty_fraction,
            version=row.version.number,
            seed=grading.seed if grading is not None and is_staff else None,
            environment=grading.environment if grading is not None and is_staff else {},
            findings=grading.findings if grading is not None and is_returned else [],
            scores=[s.CellScore.model_validate(score, from_attributes=True) for score in scores],
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
        _course(session, ctx, Capability.SUBMIT)
        row = _submission_row(session, ctx)
        if row.user_name != ctx.actor.name:
            raise NotFoundError("There is no such submission of yours.")
        submissions.choose(session, row, by=ctx.actor.name, now=now)

    await transaction(ctx, work)


@operation(
    "PUT",
    "/courses/{course_id}/submissions/{submission_id}/marks",
    "Mark a cell",
    body=s.MarkUpdate,
    response=s.CellScore,
)
async def mark_cell(ctx: Context) -> s.CellScore:
    """Set score, extra credit and comment of a cell; refused when somebody else changed them meanwhile."""
    given, now = ctx.body_as(s.MarkUpdate), ctx.platform.now()

    def work(session: Session) -> s.CellScore:
        _course(session, ctx, Capability.GRADE)
        made = results.mark(
            session,
            _submission_row(session, ctx),
            given.notebook,
            given.grade_id,
            results.Mark(given.score, given.extra_credit, given.comment, tuple(given.rubric_items)),
            revision=given.revision,
            by=ctx.actor.name,
            now=now,
        )
        return s.CellScore.model_validate(made, from_attributes=True)

    return await transaction(ctx, work)


@operation("GET", "/courses/{course_id}/assignments/{assignment}/rubric", "The rubric", response=s.Rubric)
async def read_rubric(ctx: Context) -> s.Rubric:
    """Return the rubric of an assignment, to staff."""

    def work(session: Session) -> s.Rubric:
        _course(session, ctx, Capability.GRADE)
        rows = results.rubric_of(session, _assignment(session, ctx).id)
        return s.Rubric(items=[s.RubricItem.model_validate(row, from_attributes=True) for row in rows])

    return await transaction(ctx, work, read=True)


@operation(
    "PUT",
    "/courses/{course_id}/assignments/{assignment}/rubric",
    "Add or change a rubric item",
    body=s.RubricItem,
    response=s.RubricItem,
)
async def set_rubric_item(ctx: Context) -> s.RubricItem:
    """Add or change an item; every mark that uses it follows."""
    given, now = ctx.body_as(s.RubricItem), ctx.platform.now()

    def work(session: Session) -> s.RubricItem:
        _course(session, ctx, Capability.GRADE)
        values = given.model_dump(exclude={"id"})
        assignment = _assignment(session, ctx)
        row = results.set_rubric_item(session, assignment, given.id, values, by=ctx.actor.name, now=now)
        return s.RubricItem.model_validate(row, from_attributes=True)

    return await transaction(ctx, work)


@operation(
    "POST",
    "/courses/{course_id}/assignments/{assignment}/gradings",
    "Grade again",
    body=s.GradeRequest,
    response=s.GradingProgress,
    status=202,
)
async def start_grading(ctx: Context) -> s.GradingProgress:
    """Put submissions into the queue, against the released version; all that count unless some are named."""
    given, now = ctx.body_as(s.GradeRequest), ctx.platform.now()

    def work(session: Session) -> s.GradingProgress:
        _course(session, ctx, Capability.GRADE)
        assignment = _assignment(session, ctx)
        version = assignments.released_version(assignment)
        for row in submissions.counted(session, assignment.id):
            if given.submissions is None or row.id in given.submissions:
                jobs.enqueue(
                    session, row, version.id, now=now, is_proposal=given.propose, priority=jobs.PRIORITY_REGRADE
                )
        return s.GradingProgress(states=jobs.progress(session, assignment.id))

    return await transaction(ctx, work)


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/gradings",
    "How far grading is",
    response=s.GradingProgress,
)
async def read_grading_progress(ctx: Context) -> s.GradingProgress:
    """Return how many gradings are in each state."""

    def work(session: Session) -> s.GradingProgress:
        _course(session, ctx, Capability.GRADE)
        return s.GradingProgress(states=jobs.progress(session, _assignment(session, ctx).id))

    return await transaction(ctx, work, read=True)


@operation(
    "DELETE", "/courses/{course_id}/assignments/{assignment}/gradings", "Cancel grading", response=s.GradingProgress
)
async def cancel_grading(ctx: Context) -> s.GradingProgress:
    """Cancel what is queued or running."""
    now = ctx.platform.now()

    def work(session: Session) -> s.GradingProgress:
        _course(session, ctx, Capability.GRADE)
        assignment = _assignment(session, ctx)
        jobs.cancel(session, assignment.id, now)
        return s.GradingProgress(states=jobs.progress(session, assignment.id))

    return await transaction(ctx, work)


@operation(
    "GET",
    "/courses/{course_id}/assignments/{assignment}/proposals",
    "What a regrade would change",
    response=s.ScoreChanges,
)
async def read_proposals(ctx: Context) -> s.ScoreChanges:
    """Return the differences between the scores that count and the proposed ones."""

    def work(session: Session) -> s.ScoreChanges:
        _course(session, ctx, Capability.GRADE)
        changes = proposals.proposed_changes(session, _assignment(session, ctx).id)
        return s.ScoreChanges(items=[s.ScoreChange.model_validate(c, from_attributes=True) for c in changes])

    return await transaction(ctx, work, read=True)


@operation(
    "POST", "/courses/{course_id}/assignments/{assignment}/proposals", "Let a proposed regrade count", status=204
)
async def publish_proposals(ctx: Context) -> None:
    """Make the proposed gradings count."""
    now = ctx.platform.now()

    def work(session: Session) -> None:
        _course(session, ctx, Capability.MANAGE)
        proposals.publish_proposals(session, _assignment(session, ctx).id, by=ctx.actor.name, now=now)

    await transaction(ctx, work)


@operation(
    "POST",
    "/courses/{course_id}/assignments/{assignment}/feedback",
    "Return scores and feedback",
    response=s.Returned,
)
async def release_feedback(ctx: Context) -> s.Returned:
    """Let students see their scores and feedback."""
    now = ctx.platform.now()

    def work(session: Session) -> s.Returned:
        course = _course(session, ctx, Capability.MANAGE)
        assignment = _assignment(session, ctx)
        assignment.feedback_released_at = assignment.feedback_released_at or now
        courses.record(session, course.id, now, ctx.actor.name, "feedback.release", assignment.name)
        return s.Returned(feedback_released_at=assignment.feedback_released_at)

    return await transaction(ctx, work)


@operation(
    "GET", "/courses/{course_id}/submissions/{submission_id}/feedback", "Feedback on a submission", response=s.Feedback
)
async def read_feedback(ctx: Context) -> s.Feedback:
    """Return the feedback pages; to the student once they are returned."""

    def work(session: Session) -> s.Feedback:
        row, is_staff = readable(session, ctx)
        if not is_staff and row.assignment.feedback_released_at is None:
            raise NotFoundError("The feedback is not returned yet.")
        grading = session.get(GradingRow, row.grading_id) if row.grading_id else None
        executed = get_files(blobs(ctx), grading.executed_manifest) if grading is not None else {}
        scores = results.effective_scores(session, row)
        options = feedback.FeedbackOptions(show_hidden_tests=is_staff)
        pages = [
            s.FeedbackPage(
                notebook=name,
                html=feedback.render(
                    f"{row.assignment.name}: {name}",
                    name,
                    executed.get(name),
                    scores,
                    grading.findings if grading is not None else [],
                    row.penalty_fraction,
                    options,
                ),
            )
            for name in assignments.structure_of(row.version).notebooks
        ]
        return s.Feedback(items=pages)

    return await transaction(ctx, work, read=True)


def _course(session: Session, ctx: Context, needed: Capability) -> CourseRow:
    return courses.get(session, ctx.path["course_id"], caller(ctx), needed)


def _assignment(session: Session, ctx: Context) -> AssignmentRow:
    return assignments.get(session, ctx.path["course_id"], ctx.path["assignment"])


def _submission_row(session: Session, ctx: Context) -> SubmissionRow:
    given = ctx.path["submission_id"]
    if not given.isdecimal() or len(given) > 15:
        raise NotFoundError(f"There is no submission “{given}”.")
    return submissions.get(session, int(given), ctx.path["course_id"])


def _is_staff(session: Session, ctx: Context, course: CourseRow) -> bool:
    role = courses.role_in(session, course.id, ctx.actor.name)
    return ctx.actor.is_admin or role in (CourseRole.INSTRUCTOR, CourseRole.GRADER)


def readable(session: Session, ctx: Context) -> tuple[SubmissionRow, bool]:
    """Return the submission of the request, if the caller may see it, and whether they are staff.

    Raises
    ------
    HubError
        There is none that they may see.
    """
    course = _course(session, ctx, Capability.READ)
    row = _submission_row(session, ctx)
    is_staff = _is_staff(session, ctx, course)
    if not is_staff and row.user_name != ctx.actor.name:
        raise NotFoundError(f"There is no submission {row.id} of yours.")
    return row, is_staff


def _submission(row: SubmissionRow) -> s.Submission:
    names = set(s.Submission.model_fields) - {"sha256"}
    return s.Submission(sha256=row.manifest, **{name: getattr(row, name) for name in names})


def _own_view(shown: s.Submission, assignment: AssignmentRow) -> s.Submission:
    if assignment.feedback_released_at is not None:
        return shown
    return shown.model_copy(update={"score": None, "raw_score": None, "needs_manual": False})
