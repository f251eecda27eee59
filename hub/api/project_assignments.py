"""The assignments that somebody works on in a project, as the pages of the project's own server may ask for them.

In an origin of its own a project's page may not act in a course: code of everybody who writes into the project runs
there, too, and is neither to hand in somebody's work nor to read their scores. It may know what lies in the project.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel
from sqlalchemy.orm import Session

from courseware import Caller, CourseRole, assignments, courses, groups, submissions
from courseware.models import AssignmentRow, CourseRow
from hub import course_projects
from hub.api import course_work_schemas as w
from hub.api.context import Context
from hub.api.course_support import transaction
from hub.api.course_work import state_of_work
from hub.api.operation import operation
from hub.data import projects
from hub.errors import NotFoundError
from hub.policy import Capability

_ALL = "/projects/{project_id}/assignments"


class WorkPlace(BaseModel):
    """An assignment on which the caller works in the project; the times are the caller's own."""

    course_id: str
    course_title: str
    name: str
    points: float
    due_at: datetime | None
    closes_at: datetime | None
    handed_in_at: datetime | None
    feedback_released_at: datetime | None


class WorkPlaces(BaseModel):
    """The assignments on which the caller works in a project."""

    items: list[WorkPlace]


@operation("GET", _ALL, "The assignments that one works on in a project", response=WorkPlaces, from_project=True)
async def list_project_assignments(ctx: Context) -> WorkPlaces:
    """Return the released assignments whose files are delivered into this project for the caller."""

    def work(session: Session) -> WorkPlaces:
        found = _places(session, ctx)
        return WorkPlaces(items=[_place(session, course, each, ctx.actor.name) for course, each in found])

    return await transaction(ctx, work, read=True)


@operation(
    "GET",
    _ALL + "/{course_id}/{assignment}",
    "What of an assignment is in a project",
    response=w.WorkState,
    from_project=True,
)
async def read_project_assignment(ctx: Context) -> w.WorkState:
    """Return what would be handed in, and what is wrong with it; nothing is run."""
    wanted = ctx.path["course_id"], ctx.path["assignment"]

    def work(session: Session) -> str:
        for course, assignment in _places(session, ctx):
            if (course.id, assignment.name) == wanted:
                return assignments.released_version(assignment).released_manifest
        raise NotFoundError(f"You do not work on “{wanted[1]}” in this project.")

    manifest = await transaction(ctx, work, read=True)
    return await state_of_work(ctx, ctx.path["project_id"], wanted[1], manifest)


def _places(session: Session, ctx: Context) -> list[tuple[CourseRow, AssignmentRow]]:
    project_id, name = ctx.path["project_id"], ctx.actor.name
    projects.get(session, project_id, ctx.actor, Capability.READ)
    return [
        (course, assignment)
        for course, role in courses.of_user(session, Caller(name, is_admin=False))
        if role is CourseRole.STUDENT
        for assignment in assignments.of_course(session, course.id)
        if assignment.released is not None and course_projects.known_of_student(session, assignment, name) == project_id
    ]


def _place(session: Session, course: CourseRow, assignment: AssignmentRow, user_name: str) -> WorkPlace:
    deadline = assignments.deadline_for(session, assignment, user_name)
    owner = groups.owner_of(session, assignment, user_name)
    handed_in = submissions.of_student(session, assignment.id, owner)
    return WorkPlace(
        course_id=course.id,
        course_title=course.title,
        name=assignment.name,
        points=assignment.released.points if assignment.released is not None else 0.0,
        due_at=deadline.due_at,
        closes_at=deadline.closes_at,
        handed_in_at=handed_in[0].received_at if handed_in else None,
        feedback_released_at=assignment.feedback_released_at,
    )
