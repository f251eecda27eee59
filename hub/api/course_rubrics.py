"""Operations on the rubrics of a course: its library, where each is offered, what a change does to marks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from courseware import Capability, assignments, marking, rubric_editing, rubrics
from courseware.models import AssignmentRow
from courseware.policy import require_assignment
from courseware.rubric_editing import ItemDraft, MarkChange
from courseware.rubric_models import RubricRow
from hub.api import course_rubric_schemas as r
from hub.api.context import Context
from hub.api.course_support import course_of, scope_of, to_grade, transaction
from hub.api.operation import operation
from hub.errors import ForbiddenError, NotFoundError

LIBRARY = "/courses/{course_id}/rubrics"
ONE = LIBRARY + "/{rubric_id}"
OF_ASSIGNMENT = "/courses/{course_id}/assignments/{assignment}/rubric"


@operation("GET", OF_ASSIGNMENT, "What is offered at the cells of an assignment", response=r.OfferedItems)
async def read_rubric(ctx: Context) -> r.OfferedItems:
    """Return the items of all rubrics that are offered where the cells of an assignment are marked, to its graders."""

    def work(session: Session) -> r.OfferedItems:
        found = rubrics.offered(session, to_grade(session, ctx).assignment.id)
        return r.OfferedItems(items=[r.OfferedItem.model_validate(item, from_attributes=True) for item in found])

    return await transaction(ctx, work, read=True)


@operation("POST", OF_ASSIGNMENT, "Add an item to the rubric of a cell", body=r.ItemAdd, response=r.Item, status=201)
async def add_rubric_item(ctx: Context) -> r.Item:
    """Add an item to the rubric that only this cell uses; one is made where there is none."""
    given, now = ctx.body_as(r.ItemAdd), ctx.platform.now()

    def work(session: Session) -> r.Item:
        draft = ItemDraft(given.text, given.points)
        assignment = to_grade(session, ctx).assignment
        row = rubric_editing.add_to_cell(
            session, assignment, given.notebook, given.grade_id, draft, by=ctx.actor.name, now=now
        )
        return r.Item.model_validate(row, from_attributes=True)

    return await transaction(ctx, work)


@operation("GET", LIBRARY, "The rubrics of a course", response=r.RubricLibrary)
async def list_rubrics(ctx: Context) -> r.RubricLibrary:
    """Return the library of rubrics, where each is offered, and how many marks use it, to staff."""

    def work(session: Session) -> r.RubricLibrary:
        course = course_of(session, ctx, Capability.GRADE)
        scope = scope_of(session, ctx)
        cells = [
            r.RubricUse(assignment=row.name, notebook=cell.notebook, grade_id=cell.grade_id)
            for row in assignments.of_course(session, course.id)
            if row.released is not None and scope.has_assignment(row.name)
            for cell in assignments.structure_of(row.released).cells
        ]
        return r.RubricLibrary(items=_rubrics(session, rubrics.of_course(session, course.id)), cells=cells)

    return await transaction(ctx, work, read=True)


@operation("POST", LIBRARY, "Add a rubric", body=r.RubricDraft, response=r.CourseRubric, status=201)
async def add_rubric(ctx: Context) -> r.CourseRubric:
    """Add a rubric to the library."""
    given, now = ctx.body_as(r.RubricDraft), ctx.platform.now()

    def work(session: Session) -> r.CourseRubric:
        course = course_of(session, ctx, Capability.GRADE)
        row = rubric_editing.create(session, course, given.name, _drafts(given), by=ctx.actor.name, now=now)
        return _rubrics(session, [row])[0]

    return await transaction(ctx, work)


@operation("POST", ONE + "/effects", "What a change of a rubric would do", body=r.RubricDraft, response=r.RubricEffects)
async def preview_rubric(ctx: Context) -> r.RubricEffects:
    """Return every mark that would change if the rubric had these items; nothing is changed."""
    given = ctx.body_as(r.RubricDraft)

    def work(session: Session) -> r.RubricEffects:
        found = rubric_editing.effects(session, _rubric_to_edit(session, ctx), _drafts(given))
        return r.RubricEffects(changes=[_effect(change) for change in found])

    return await transaction(ctx, work, read=True)


@operation("PUT", ONE, "Change a rubric", body=r.RubricUpdate, response=r.RubricChanged)
async def change_rubric(ctx: Context) -> r.RubricChanged:
    """Change a rubric and every mark that uses it; scores that students have seen only if asked for, by instructors."""
    given, now = ctx.body_as(r.RubricUpdate), ctx.platform.now()

    def work(session: Session) -> r.RubricChanged:
        row = _rubric_to_edit(session, ctx)
        if given.include_returned:
            course_of(session, ctx, Capability.MANAGE)
        changes = rubric_editing.change(
            session,
            row,
            given.name,
            _drafts(given),
            revision=given.revision,
            include_frozen=given.include_returned,
            by=ctx.actor.name,
            now=now,
        )
        return r.RubricChanged(rubric=_rubrics(session, [row])[0], changes=[_effect(change) for change in changes])

    return await transaction(ctx, work)


@operation("DELETE", ONE, "Remove a rubric", status=204)
async def remove_rubric(ctx: Context) -> None:
    """Take a rubric that no mark uses out of the library."""
    now = ctx.platform.now()

    def work(session: Session) -> None:
        rubric_editing.remove(session, _rubric_to_edit(session, ctx), by=ctx.actor.name, now=now)

    await transaction(ctx, work)


@operation("POST", ONE + "/uses", "Offer a rubric at a cell", body=r.RubricUse, response=r.CourseRubric)
async def attach_rubric(ctx: Context) -> r.CourseRubric:
    """Offer a rubric where a cell of an assignment is marked."""
    given, now = ctx.body_as(r.RubricUse), ctx.platform.now()

    def work(session: Session) -> r.CourseRubric:
        course_of(session, ctx, Capability.GRADE)
        row, assignment = _rubric_of(session, ctx), _assignment_of(session, ctx, given)
        rubric_editing.attach(session, row, assignment, given.notebook, given.grade_id, by=ctx.actor.name, now=now)
        return _rubrics(session, [row])[0]

    return await transaction(ctx, work)


@operation("POST", ONE + "/uses/removal", "Offer a rubric at a cell no more", body=r.RubricUse, response=r.CourseRubric)
async def detach_rubric(ctx: Context) -> r.CourseRubric:
    """Offer a rubric at a cell no more; refused while marks of the cell use it."""
    given, now = ctx.body_as(r.RubricUse), ctx.platform.now()

    def work(session: Session) -> r.CourseRubric:
        course_of(session, ctx, Capability.GRADE)
        row, assignment = _rubric_of(session, ctx), _assignment_of(session, ctx, given)
        rubric_editing.detach(session, row, assignment, given.notebook, given.grade_id, by=ctx.actor.name, now=now)
        return _rubrics(session, [row])[0]

    return await transaction(ctx, work)


def _rubric_of(session: Session, ctx: Context) -> RubricRow:
    given = ctx.path["rubric_id"]
    if not given.isdecimal() or len(given) > 15:
        raise NotFoundError(f"There is no rubric “{given}”.")
    return rubrics.get(session, ctx.path["course_id"], int(given))


def _rubric_to_edit(session: Session, ctx: Context) -> RubricRow:
    """Return the rubric of the request; its change reaches marks of the whole course, so limited graders have none."""
    course_of(session, ctx, Capability.GRADE)
    if not scope_of(session, ctx).is_whole:
        raise ForbiddenError(
            "A rubric stands in marks of the whole course, and you grade a part of it. Add items of your own at a cell."
        )
    return _rubric_of(session, ctx)


def _assignment_of(session: Session, ctx: Context, given: r.RubricUse) -> AssignmentRow:
    assignment = assignments.get(session, ctx.path["course_id"], given.assignment)
    require_assignment(scope_of(session, ctx), assignment.name)
    return assignment


def _drafts(given: r.RubricDraft) -> list[ItemDraft]:
    return [ItemDraft(item.text, item.points, item.id) for item in given.items]


def _effect(change: MarkChange) -> r.MarkEffect:
    return r.MarkEffect(
        submission_id=change.submission.id,
        label=marking.label_of(change.submission),
        assignment=change.submission.assignment.name,
        notebook=change.notebook,
        grade_id=change.grade_id,
        before=change.before,
        after=change.after,
        is_returned=change.is_frozen,
    )


def _rubrics(session: Session, rows: Sequence[RubricRow]) -> list[r.CourseRubric]:
    marks = rubrics.marks_with(session, rows)
    return [
        r.CourseRubric(
            id=row.id,
            name=row.name,
            revision=row.revision,
            items=[r.Item.model_validate(i, from_attributes=True) for i in row.items if i.removed_at is None],
            uses=[
                r.RubricUse(assignment=use.assignment.name, notebook=use.notebook, grade_id=use.grade_id)
                for use in row.uses
            ],
            marks=len(marks[row.id]),
        )
        for row in rows
    ]
