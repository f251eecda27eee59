"""Keep courses in step with groups of the hub: ask the hub who is in them, and enrol and deactivate accordingly."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from courseware import CoursewareError, hub_groups
from courseware.hub_groups import Changes
from courseware.models import CourseRow
from hub import course_projects
from hub.api.context import Platform
from hub.api.course_support import names_of
from hub.data.models import UserRow
from hub.errors import HubError

log = logging.getLogger("collegium.groups")
Members = Mapping[str, frozenset[str] | None]


@dataclass(frozen=True, slots=True)
class Synchronised:
    """What a synchronisation changed.

    Attributes
    ----------
    enrolled, deactivated
        User names.
    kept_out
        Members whom people of the course took out: they stay out.
    without_account
        Members who have no account here, or one that is deactivated; they come in when they have.
    missing
        Groups that the hub does not have (any more): nobody is changed on their account.
    """

    enrolled: tuple[str, ...] = ()
    deactivated: tuple[str, ...] = ()
    kept_out: tuple[str, ...] = ()
    without_account: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


async def synchronise_regularly(platform: Platform) -> None:
    """Bring all courses in step with their groups, again and again, until cancelled."""
    while True:
        try:
            for course_id in await platform.read(hub_groups.courses_with_groups):
                await _one_of_many(platform, course_id)
        except HubError as error:
            log.warning("groups were put off: %s", error)
        await asyncio.sleep(platform.settings.group_sync_seconds)


async def synchronise(platform: Platform, course_id: str) -> Synchronised:
    """Bring one course in step with its groups.

    Raises
    ------
    UnavailableError
        The hub or the database does not answer; nothing is changed.
    """
    names = await platform.read(_names, course_id)
    members = {name: await platform.jupyterhub.group_members(name) for name in names}
    done = await platform.transaction(_take_over, course_id, members, platform)
    if done.enrolled or done.deactivated:
        log.info("course %s: %s came, %s left", course_id, len(done.enrolled), len(done.deactivated))
    return done


async def _one_of_many(platform: Platform, course_id: str) -> None:
    try:
        await synchronise(platform, course_id)
    except (HubError, CoursewareError) as error:
        # One course must not keep the others from being looked at; it is tried again.
        log.warning("the groups of course %s could not be taken over: %s", course_id, error)
        await platform.transaction(_note_problem, course_id, str(error), platform)


def _names(session: Session, course_id: str) -> list[str]:
    return [row.name for row in hub_groups.of_course(session, course_id)]


def _take_over(session: Session, course_id: str, members: Members, platform: Platform) -> Synchronised:
    course, now = session.get_one(CourseRow, course_id), platform.now()
    if course.archived_at is not None:
        return Synchronised()
    rows = [row for row in hub_groups.of_course(session, course_id) if row.name in members]
    asked = {row.name: members[row.name] for row in rows}
    changes = hub_groups.plan(asked, hub_groups.standings(session, course_id))
    known = _accounts(session, list(changes.come))
    without_account = tuple(sorted(set(changes.come) - set(known)))
    changes = replace(changes, come={name: group for name, group in changes.come.items() if name in known})
    hub_groups.apply(session, course, changes, known, now)
    for name in changes.leave:
        course_projects.leave(session, course, name, now)
    course_projects.keep_to_limits(session, course)
    for row in rows:
        found = asked[row.name]
        hub_groups.note(row, None if found is None else len(found), _problem(found, without_account, changes), now)
    missing = tuple(name for name, found in asked.items() if found is None)
    return Synchronised(tuple(sorted(changes.come)), changes.leave, changes.kept_out, without_account, missing)


def _problem(found: frozenset[str] | None, without_account: Sequence[str], changes: Changes) -> str:
    if found is None:
        return "The hub has no such group. Who came through it stays in the course."
    strangers, kept_out = found.intersection(without_account), found.intersection(changes.kept_out)
    parts = [
        f"No account here, or a deactivated one: {_some(strangers)}." if strangers else "",
        f"Taken out of the course by hand, and kept out: {_some(kept_out)}." if kept_out else "",
    ]
    return " ".join(part for part in parts if part)


def _some(names: frozenset[str], most: int = 10) -> str:
    shown = sorted(names)[:most]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


def _accounts(session: Session, names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return those who have an account, with first and last name."""
    query = select(UserRow).where(UserRow.name.in_(names), UserRow.is_active)
    return {user.name: names_of(user.display_name, user.name) for user in session.scalars(query)}


def _note_problem(session: Session, course_id: str, problem: str, platform: Platform) -> None:
    for row in hub_groups.of_course(session, course_id):
        hub_groups.note(row, None, problem, platform.now())
