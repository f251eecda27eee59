"""The operation with which an instructor chooses what a course in a learning platform gets (LTI Deep Linking 2.0)."""

from __future__ import annotations

import asyncio
import secrets
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.orm import Session

from courseware import Capability, ForbiddenError, InvalidError, assignments, courses, lti_courses
from courseware.lti_linking import link_to_assignment, link_to_course, linking_response
from courseware.models import AssignmentRow, CourseRow
from hub.api.context import Context
from hub.api.course_support import course_of, receipt_key, transaction
from hub.api.operation import operation
from hub.api.schemas import Body
from hub.lti import lti_url
from hub.lti_frames import CHOICE_LIFETIME
from hub.lti_keys import private_key, public_key
from hub.lti_seals import seal, unseal

ACTIVITIES_LIMIT = 200


class LtiChoice(Body):
    """The token of a learning platform's question, and what was chosen: assignments, or the course as a whole."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=12_000)]
    assignments: Annotated[list[str], Field(default_factory=list, max_length=ACTIVITIES_LIMIT)]
    whole_course: bool = False


class LtiAnswer(BaseModel):
    """The sealed form that the browser posts to `lti/answer`, unless a frame that waits for it does."""

    form: str
    is_taken_up_elsewhere: bool


@operation(
    "POST", "/courses/{course_id}/lti-activities", "Choose activities for a learning platform", body=LtiChoice,
    response=LtiAnswer,
)  # fmt: skip
async def choose_lti_activities(ctx: Context) -> LtiAnswer:
    """Answer a learning platform that asked for activities: each chosen assignment becomes a link that leads to it."""
    given, now, settings = ctx.body_as(LtiChoice), ctx.platform.now(), ctx.platform.settings
    key = await asyncio.to_thread(receipt_key, settings)
    pem = await asyncio.to_thread(private_key, settings.data_dir / "secrets")

    def work(session: Session) -> tuple[LtiAnswer, str]:
        course = course_of(session, ctx, Capability.MANAGE)
        asked = unseal("choice", given.token, key, now)
        if asked["user"] != ctx.actor.name:
            raise ForbiddenError("Somebody else was asked. Open the activity in your learning platform again.")
        platform = lti_courses.platform_by_id(session, int(str(asked["platform"])))
        lti_courses.require_connection(session, course, platform, str(asked["context"]))
        items = _items(session, course, given, lti_url(ctx.platform, "launch"), takes_scores=bool(asked["scores"]))
        if not items or (len(items) > 1 and not asked["several"]):
            raise InvalidError("Choose one activity." if not asked["several"] else "Choose at least one activity.")
        message = linking_response(
            platform,
            str(asked["deployment"]),
            items,
            data=None if asked["data"] is None else str(asked["data"]),
            private_key=pem,
            key_id=public_key(pem)["kid"],
            unique=secrets.token_hex(16),
            now=now,
        )
        names = ", ".join(str(item["title"]) for item in items)
        courses.record(session, course.id, now, ctx.actor.name, "lti.activities", platform.issuer, after=names[:300])
        form: dict[str, object] = {"return_url": asked["return_url"], "message": message}
        frame = str(asked["frame"])
        answer = LtiAnswer(form=seal("answer", form, key, now + CHOICE_LIFETIME), is_taken_up_elsewhere=bool(frame))
        return answer, frame

    answer, frame = await transaction(ctx, work)
    if frame:
        ctx.platform.lti_frames.note(frame, now, "chosen", answer.form)
    return answer


def _items(
    session: Session, course: CourseRow, given: LtiChoice, launch_url: str, *, takes_scores: bool
) -> list[dict[str, object]]:
    chosen = [assignments.get(session, course.id, name) for name in dict.fromkeys(given.assignments)]
    items = [
        link_to_assignment(row.id, row.name, _points(row), launch_url=launch_url, takes_scores=takes_scores)
        for row in chosen
    ]
    return items + ([link_to_course(course.title, launch_url=launch_url)] if given.whole_course else [])


def _points(row: AssignmentRow) -> float:
    version = row.released or (row.versions[-1] if row.versions else None)
    return version.points if version is not None else 0.0
