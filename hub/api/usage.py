"""Operations on what is used, what may be used, and the sizes that servers can have."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from hub.api.context import Context
from hub.api.operation import Audience, Query, operation
from hub.api.project_schemas import (
    Profile,
    ProfileList,
    Quota,
    QuotaGroup,
    QuotaGroupList,
    QuotaGroupUpdate,
    QuotaList,
    QuotaValues,
    Usage,
    UsageReport,
    UsageTotals,
)
from hub.api.schemas import Body
from hub.data import projects, quotas, usage
from hub.data.audit import record
from hub.data.project_models import QuotaRow, UsageRow
from hub.data.quotas import Limits
from hub.errors import ForbiddenError, InvalidError
from hub.policy import Capability

HOUR = 3600.0
GIGABYTE = 1e9
EVERYBODY = "-"


class UsageQuery(Query):
    """For how long back."""

    days: Annotated[int, Field(ge=1, le=400)] = 30


class ReportQuery(UsageQuery):
    """For how long back, and of whom."""

    user_name: Annotated[str, StringConstraints(max_length=64)] | None = None


class SpentReport(Body):
    """What a project's server used since it last told."""

    cpu_seconds: Annotated[float, Field(ge=0, le=1e9)]
    memory_byte_seconds: Annotated[float, Field(ge=0, le=1e18)]
    gpu_seconds: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    storage_bytes: Annotated[int, Field(ge=0, le=10**15)] | None = None


@operation("GET", "/projects/{project_id}/usage", "What a project used", query=UsageQuery, response=UsageReport)
async def read_project_usage(ctx: Context) -> UsageReport:
    """Return what the project's server used, by day and by the user who had it started."""
    since = ctx.platform.now().date() - timedelta(days=ctx.query_as(UsageQuery).days)

    def work(session: Session) -> UsageReport:
        needed = Capability.MANAGE_PROJECT if ctx.actor.is_admin else Capability.READ
        project, _ = projects.get(session, ctx.path["project_id"], ctx.actor, needed)
        return _report(usage.of(session, since, project_id=project.id))

    return await ctx.platform.read(work)


@operation("GET", "/usage", "What was used", query=ReportQuery, response=UsageReport)
async def read_usage(ctx: Context) -> UsageReport:
    """Return what the caller used; administrators may ask about anybody, and with `*` about everybody."""
    query, actor = ctx.query_as(ReportQuery), ctx.actor
    whose = query.user_name or actor.name
    if whose != actor.name and not actor.is_admin:
        raise ForbiddenError("Only administrators see what others used.")
    since = ctx.platform.now().date() - timedelta(days=query.days)
    name = None if whose == "*" else whose
    return await ctx.platform.read(lambda session: _report(usage.of(session, since, user_name=name)))


@operation(
    "POST",
    "/internal/projects/{project_id}/usage",
    "What a project's server used",
    audience=Audience.PROJECT_SERVER,
    body=SpentReport,
    status=204,
)
async def report_usage(ctx: Context) -> None:
    """Count what the server that asks used."""
    report, project_id = ctx.body_as(SpentReport), ctx.own_project_id
    spent = usage.Spent(report.cpu_seconds, report.memory_byte_seconds, report.gpu_seconds)
    await ctx.platform.transaction(usage.add, project_id, spent, report.storage_bytes, ctx.platform.now())


@operation("GET", "/profiles", "Sizes that servers can have", response=ProfileList)
async def list_profiles(ctx: Context) -> ProfileList:
    """Return the sizes, the default first, and which the caller may choose."""
    allowed = (await ctx.platform.read(quotas.limits_of, ctx.actor.name)).profiles
    items = [
        Profile(
            name=name,
            title=profile.title or name,
            description=profile.description,
            memory_bytes=None if profile.memory_gb is None else int(profile.memory_gb * GIGABYTE),
            cpus=profile.cpus,
            gpus=profile.gpus,
            idle_minutes=profile.idle_minutes,
            is_allowed=allowed is None or name in allowed,
        )
        for name, profile in ctx.platform.settings.profiles.items()
    ]
    return ProfileList(items=items)


@operation("GET", "/quotas", "Rules about what may be used", audience=Audience.ADMIN, response=QuotaList)
async def list_quotas(ctx: Context) -> QuotaList:
    """Return all rules."""
    return await ctx.platform.read(lambda session: QuotaList(items=[_quota(row) for row in quotas.rules(session)]))


@operation("PUT", "/quotas/{kind}/{name}", "Write a rule", audience=Audience.ADMIN, body=QuotaValues, response=Quota)
async def set_quota(ctx: Context) -> Quota:
    """Say what a user, the members of a group or everybody else may use; it counts from the next start on."""
    given, (kind, name) = ctx.body_as(QuotaValues), _subject(ctx)
    unknown = set(given.profiles or ()) - set(ctx.platform.settings.profiles)
    if unknown:
        raise InvalidError(f"There is no profile “{sorted(unknown)[0]}”.", {"profiles": "names an unknown one"})
    profiles = None if given.profiles is None else frozenset(given.profiles)
    limits = Limits(given.running_servers, given.storage_bytes, given.gpus, profiles)

    def work(session: Session) -> Quota:
        row = quotas.set_rule(session, kind, name, limits)
        record(session, ctx.platform.now(), ctx.actor.name, "quota.set", f"{kind}:{name}", str(limits))
        return _quota(row)

    return await ctx.platform.transaction(work)


@operation("DELETE", "/quotas/{kind}/{name}", "Delete a rule", audience=Audience.ADMIN, status=204)
async def remove_quota(ctx: Context) -> None:
    """Let the next wider rule count."""
    kind, name = _subject(ctx)

    def work(session: Session) -> None:
        quotas.remove_rule(session, kind, name)
        record(session, ctx.platform.now(), ctx.actor.name, "quota.remove", f"{kind}:{name}")

    await ctx.platform.transaction(work)


@operation("GET", "/quota-groups", "Groups that rules are for", audience=Audience.ADMIN, response=QuotaGroupList)
async def list_quota_groups(ctx: Context) -> QuotaGroupList:
    """Return the groups with their members."""

    def work(session: Session) -> QuotaGroupList:
        groups = quotas.group_members(session)
        return QuotaGroupList(items=[QuotaGroup(name=name, members=groups[name]) for name in sorted(groups)])

    return await ctx.platform.read(work)


@operation(
    "PUT",
    "/quota-groups/{name}",
    "Say who is in a group",
    audience=Audience.ADMIN,
    body=QuotaGroupUpdate,
    response=QuotaGroup,
)
async def set_quota_group(ctx: Context) -> QuotaGroup:
    """Put exactly these users into a group."""
    members, name = ctx.body_as(QuotaGroupUpdate).members, _name(ctx.path["name"])

    def work(session: Session) -> QuotaGroup:
        quotas.set_group(session, name, members)
        record(session, ctx.platform.now(), ctx.actor.name, "quota.group", name, f"{len(set(members))} members")
        return QuotaGroup(name=name, members=sorted(set(members)))

    return await ctx.platform.transaction(work)


def _subject(ctx: Context) -> tuple[str, str]:
    kind, name = ctx.path["kind"], ctx.path["name"]
    if kind not in (quotas.DEFAULT, quotas.GROUP, quotas.USER):
        raise InvalidError(f"A rule is for default, group or user, not {kind[:40]!r}.", {"kind": "is unknown"})
    if kind == quotas.DEFAULT and name != EVERYBODY:
        raise InvalidError("The name of the default rule is “-”.", {"name": "must be -"})
    return kind, "" if kind == quotas.DEFAULT else _name(name)


def _name(name: str) -> str:
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise InvalidError("A name has 1 to 64 characters.", {"name": "is not valid"})
    return name


def _quota(row: QuotaRow) -> Quota:
    limits = quotas.limits_of_row(row)
    return Quota.model_validate(
        {
            "kind": row.kind,
            "name": row.name or EVERYBODY,
            "running_servers": limits.running_servers,
            "storage_bytes": limits.storage_bytes,
            "gpus": limits.gpus,
            "profiles": None if limits.profiles is None else sorted(limits.profiles),
        }
    )


def _report(rows: Sequence[UsageRow]) -> UsageReport:
    items = [
        Usage(
            day=row.day,
            project_id=row.project_id,
            user_name=row.user_name,
            cpu_seconds=round(row.cpu_seconds, 1),
            memory_gb_hours=round(row.memory_byte_seconds / GIGABYTE / HOUR, 4),
            gpu_hours=round(row.gpu_seconds / HOUR, 4),
            storage_bytes=row.storage_bytes,
        )
        for row in rows
    ]
    latest = {row.project_id: row.storage_bytes for row in rows}  # rows are in the order of days
    totals = UsageTotals(
        cpu_seconds=round(sum(row.cpu_seconds for row in rows), 1),
        memory_gb_hours=round(sum(row.memory_byte_seconds for row in rows) / GIGABYTE / HOUR, 4),
        gpu_hours=round(sum(row.gpu_seconds for row in rows) / HOUR, 4),
        storage_bytes=sum(latest.values()),
    )
    return UsageReport(items=items, totals=totals)
