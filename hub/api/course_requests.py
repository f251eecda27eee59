"""Operations on regrade requests: a thread between a student and the staff about a submission's scores."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from courseware import requests
from courseware.models import MessageRow
from hub.api import course_work_schemas as w
from hub.api.context import Context
from hub.api.course_support import readable, transaction
from hub.api.operation import operation

_THREAD = "/courses/{course_id}/submissions/{submission_id}/requests"


@operation("GET", _THREAD, "What was asked about a submission", response=w.RequestThread)
async def read_requests(ctx: Context) -> w.RequestThread:
    """Return the messages, to the student and to staff."""

    def work(session: Session) -> w.RequestThread:
        row, _ = readable(session, ctx)
        return _thread(requests.thread(session, row.id))

    return await transaction(ctx, work, read=True)


@operation("POST", _THREAD, "Ask or answer about a submission", body=w.RequestSay, response=w.RequestThread)
async def say_in_request(ctx: Context) -> w.RequestThread:
    """Add a message; possible once the scores are returned."""
    given, now = ctx.body_as(w.RequestSay), ctx.platform.now()

    def work(session: Session) -> w.RequestThread:
        row, is_staff = readable(session, ctx)
        requests.say(session, row, given.text, by=ctx.actor.name, is_staff=is_staff, now=now, closes=given.closes)
        return _thread(requests.thread(session, row.id))

    return await transaction(ctx, work)


def _thread(rows: Sequence[MessageRow]) -> w.RequestThread:
    return w.RequestThread(items=[w.RequestMessage.model_validate(row, from_attributes=True) for row in rows])
