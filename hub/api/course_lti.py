"""Operations on learning platforms (LTI 1.3): which may launch, which course is which, scores that go back."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import BaseModel, Field, HttpUrl, StringConstraints
from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import (
    Capability,
    ConflictError,
    NotFoundError,
    assignments,
    courses,
    lti_courses,
    lti_roster,
)
from courseware.lti_courses import ScoreToSend
from courseware.lti_models import LtiLinkRow, LtiPlatformRow
from courseware.lti_roster import Roster
from hub import lti_services
from hub.api.context import Context
from hub.api.course_support import assignment_of, caller, course_of, receipt_key, transaction
from hub.api.operation import Audience, operation
from hub.api.schemas import Body
from hub.errors import HubError
from hub.lti import lti_url
from hub.lti_seals import unseal

Short = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class LtiPlatformCreate(Body):
    """A learning platform, as its own administration page shows it for a tool."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    issuer: Short
    client_id: Short
    deployments: Annotated[list[Short], Field(min_length=1)]
    login_url: HttpUrl
    token_url: HttpUrl
    keys_url: HttpUrl


class LtiPlatform(BaseModel):
    """A registered learning platform."""

    id: int
    title: str
    issuer: str
    client_id: str
    deployments: list[str]
    login_url: str
    token_url: str
    keys_url: str


class LtiTool(BaseModel):
    """What a learning platform has to be told about this installation, and which ones are registered."""

    login_url: str
    launch_url: str
    keys_url: str
    items: list[LtiPlatform]


class LtiConnect(Body):
    """The token of a launch from a course that is not linked yet, and the course here that it is."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
    course_id: str


class LtiLink(BaseModel):
    """A link in a learning platform, the assignment that it leads to, and whether it takes scores."""

    platform_id: int
    resource_id: str
    title: str
    assignment: str | None
    takes_scores: bool


class LtiConnection(BaseModel):
    """A course over there that a course here is, and whether its people can be asked for."""

    platform_id: int
    platform: str
    context_id: str
    has_roster: bool


class LtiLinks(BaseModel):
    """The courses over there that a course is linked with, and the links that lead into it."""

    items: list[LtiLink]
    connections: list[LtiConnection]


class LtiRosterTaken(BaseModel):
    """What came of taking a roster over: how many were told, who is new here, who is not over there any more."""

    members: int
    enrolled: list[str]
    missing: list[str]
    problems: list[str]


class LtiLinkUpdate(Body):
    """Which assignment a link leads to; none: the course."""

    platform_id: int
    resource_id: str
    assignment: str | None = None


class LtiSent(BaseModel):
    """How many scores were sent, and what went wrong."""

    sent: int
    problems: list[str]


@operation("GET", "/lti/platforms", "Registered learning platforms", audience=Audience.ADMIN, response=LtiTool)
async def list_lti_platforms(ctx: Context) -> LtiTool:
    """Return the learning platforms, and the addresses that they need."""

    def work(session: Session) -> list[LtiPlatform]:
        rows = session.scalars(select(LtiPlatformRow).order_by(LtiPlatformRow.id))
        return [LtiPlatform.model_validate(row, from_attributes=True) for row in rows]

    login, launch, keys = (lti_url(ctx.platform, name) for name in ("login", "launch", "keys"))
    items = await transaction(ctx, work, read=True)
    return LtiTool(login_url=login, launch_url=launch, keys_url=keys, items=items)


@operation(
    "POST",
    "/lti/platforms",
    "Register a learning platform",
    audience=Audience.ADMIN,
    body=LtiPlatformCreate,
    response=LtiPlatform,
    status=201,
)
async def register_lti_platform(ctx: Context) -> LtiPlatform:
    """Let a learning platform launch courses here and make accounts for those whom it names."""
    given = ctx.body_as(LtiPlatformCreate)

    def work(session: Session) -> LtiPlatform:
        values = given.model_dump(mode="json")
        known = select(LtiPlatformRow).where(
            LtiPlatformRow.issuer == given.issuer, LtiPlatformRow.client_id == given.client_id
        )
        if session.scalar(known) is not None:
            raise ConflictError("This learning platform is registered with this client id already.")
        row = LtiPlatformRow(**values)
        session.add(row)
        session.flush()
        return LtiPlatform.model_validate(row, from_attributes=True)

    return await transaction(ctx, work)


@operation("DELETE", "/lti/platforms/{platform_id}", "Forget a learning platform", audience=Audience.ADMIN, status=204)
async def remove_lti_platform(ctx: Context) -> None:
    """Let a learning platform launch nothing any more; accounts and enrolments stay."""
    given = ctx.path["platform_id"]

    def work(session: Session) -> None:
        row = session.get(LtiPlatformRow, int(given)) if given.isdecimal() and len(given) < 10 else None
        if row is None:
            raise NotFoundError(f"There is no learning platform {given}.")
        session.delete(row)

    await transaction(ctx, work)


@operation("POST", "/lti-connections", "Link a course over there with one here", body=LtiConnect, status=204)
async def connect_lti_course(ctx: Context) -> None:
    """Say which course here a launch that led to none belongs to; from then on its people come into it."""
    given, now = ctx.body_as(LtiConnect), ctx.platform.now()
    key = await asyncio.to_thread(receipt_key, ctx.platform.settings)

    def work(session: Session) -> None:
        content = unseal("connect", given.token, key, now)
        course = courses.get(session, given.course_id, caller(ctx), Capability.MANAGE)
        platform, context = int(str(content["platform"])), str(content["context"])
        url = str(content.get("memberships_url") or "")
        lti_courses.connect(session, course, platform, context, memberships_url=url, by=ctx.actor.name, now=now)

    await transaction(ctx, work)


@operation("GET", "/courses/{course_id}/lti-links", "Links in learning platforms", response=LtiLinks)
async def list_lti_links(ctx: Context) -> LtiLinks:
    """Return the links that somebody has followed into the course."""

    def work(session: Session) -> LtiLinks:
        course = course_of(session, ctx, Capability.MANAGE)
        return _links(session, course.id)

    return await transaction(ctx, work, read=True)


@operation("PUT", "/courses/{course_id}/lti-links", "Say where a link leads", body=LtiLinkUpdate, response=LtiLinks)
async def set_lti_link(ctx: Context) -> LtiLinks:
    """Let a link lead to an assignment, whose scores then go to it."""
    given, now = ctx.body_as(LtiLinkUpdate), ctx.platform.now()

    def work(session: Session) -> LtiLinks:
        course = course_of(session, ctx, Capability.MANAGE)
        rows = lti_courses.links_of(session, course.id)
        wanted = [r for r in rows if (r.platform_id, r.resource_id) == (given.platform_id, given.resource_id)]
        if not wanted:
            raise NotFoundError(f"No link “{given.resource_id}” leads into this course.")
        target = assignments.get(session, course.id, given.assignment) if given.assignment else None
        lti_courses.assign(session, course, wanted[0], target, by=ctx.actor.name, now=now)
        return _links(session, course.id)

    return await transaction(ctx, work)


@operation(
    "POST",
    "/courses/{course_id}/assignments/{assignment}/lti-scores",
    "Send the scores to the learning platform",
    response=LtiSent,
)
async def send_lti_scores(ctx: Context) -> LtiSent:
    """Send every returned score to the line item of the link that leads to the assignment; it may be repeated."""
    now = ctx.platform.now()

    def work(session: Session) -> list[ScoreToSend]:
        course = course_of(session, ctx, Capability.MANAGE)
        assignment = assignment_of(session, ctx)
        found = lti_courses.scores_to_send(session, assignment)
        courses.record(session, course.id, now, ctx.actor.name, "lti.scores", assignment.name, after=str(len(found)))
        return found

    scores = await transaction(ctx, work)
    problems = await lti_services.send_scores(ctx.platform, scores)
    return LtiSent(sent=len(scores) - len(problems), problems=problems)


@operation("POST", "/courses/{course_id}/lti-roster", "Enrol who is in the course over there", response=LtiRosterTaken)
async def take_lti_roster(ctx: Context) -> LtiRosterTaken:
    """Ask the learning platforms who is in the course, and enrol who is not here; nobody is removed."""
    now = ctx.platform.now()

    def asked(session: Session) -> list[Roster]:
        return lti_roster.rosters_of(session, course_of(session, ctx, Capability.MANAGE).id)

    rosters = await transaction(ctx, asked, read=True)
    told = [(roster, await lti_services.fetch_members(ctx.platform, roster)) for roster in rosters]

    def work(session: Session) -> LtiRosterTaken:
        course = course_of(session, ctx, Capability.MANAGE)
        enrolled: list[str] = []
        problems: list[str] = []
        present: set[str] = set()
        for roster, members in told:
            people = []
            for member in members:
                try:
                    people.append((member, lti_services.account_for(session, roster.platform, member, now).name))
                except HubError as error:
                    problems.append(f"{member.given_name} {member.family_name}: {error.detail}".strip())
            present.update(name for _member, name in people)
            enrolled += lti_roster.take_over(session, course, roster, people, now)
        gone = lti_roster.missing(session, course.id, rosters, present)
        count = sum(len(members) for _roster, members in told)
        return LtiRosterTaken(members=count, enrolled=enrolled, missing=gone, problems=problems)

    return await transaction(ctx, work)


def _links(session: Session, course_id: str) -> LtiLinks:
    names = {row.id: row.name for row in assignments.of_course(session, course_id)}
    return LtiLinks(
        items=[_link(row, names) for row in lti_courses.links_of(session, course_id)],
        connections=[
            LtiConnection(
                platform_id=found.platform.id,
                platform=found.title,
                context_id=found.context_id,
                has_roster=bool(found.memberships_url),
            )
            for found in lti_roster.contexts_of(session, course_id)
        ],
    )


def _link(row: LtiLinkRow, names: dict[int, str]) -> LtiLink:
    return LtiLink(
        platform_id=row.platform_id,
        resource_id=row.resource_id,
        title=row.title,
        assignment=names.get(row.assignment_id or 0),
        takes_scores=bool(row.line_item),
    )
