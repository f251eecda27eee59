"""Operations on a project's Jupyter server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from weakref import WeakValueDictionary

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.api.account_schemas import TokenCheck
from hub.api.context import Context, Platform
from hub.api.operation import Audience, operation
from hub.api.people import person
from hub.api.schemas import Access, Server, ServerEvent
from hub.data import access_tokens, projects
from hub.data.audit import record
from hub.data.models import ProjectRow
from hub.data.quotas import limits_of
from hub.errors import ConflictError, ForbiddenError, HubError, NotFoundError
from hub.jupyterhub_api import ServerStatus
from hub.policy import Actor, Capability, capabilities, within_scopes
from hub.settings import ServerProfile

log = logging.getLogger("collegium.servers")
UP = ("starting", "running")
SAFETY_MESSAGE = "It ended before it could be used. Try again; if it fails again, tell the operator."
_watching: set[asyncio.Task[None]] = set()
_starts: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()


@operation("GET", "/projects/{project_id}/server", "State of a project's server", response=Server)
async def read_server(ctx: Context) -> Server:
    """Return the state of the project's server."""
    await _allow(ctx, Capability.RUN_SERVER)
    return await _server(ctx)


@operation("POST", "/projects/{project_id}/server", "Start a project's server", response=Server, status=202)
async def start_server(ctx: Context) -> Server:
    """Start the project's server, if it does not run yet."""
    platform, project_id, now = ctx.platform, ctx.path["project_id"], ctx.platform.now()
    project = await _allow(ctx, Capability.RUN_SERVER)
    name, profile = _profile(platform, project)

    def work(session: Session) -> None:
        found, _ = projects.get(session, project_id, ctx.actor, Capability.RUN_SERVER)
        found.started_by, found.server_failure, found.server_failed_at = ctx.actor.name, "", None
        record(session, now, ctx.actor.name, "server.start", project_id, name)

    # One start of a user after the other: two at once would each find room for one.
    async with _starts.setdefault(ctx.actor.name, asyncio.Lock()):
        states = await platform.jupyterhub.server_states()
        if states.get(project_id, ServerStatus("stopped")).state in UP:
            return await _server(ctx)
        await platform.read(_check_quotas, platform, ctx.actor.name, name, states)
        await platform.transaction(work)
        try:
            await platform.jupyterhub.start_server(project_id, _options(profile))
        except HubError as error:
            await platform.transaction(_keep_failure, platform, project_id, error.detail)
            raise
    task = asyncio.create_task(_follow(platform, project_id))
    _watching.add(task)
    task.add_done_callback(_watching.discard)
    return await _server(ctx)


@operation("DELETE", "/projects/{project_id}/server", "Stop a project's server", response=Server)
async def stop_server(ctx: Context) -> Server:
    """Stop the project's server and its kernels."""
    await _allow(ctx, Capability.STOP_SERVER)
    project_id = ctx.path["project_id"]
    await ctx.platform.jupyterhub.stop_server(project_id)
    await ctx.platform.transaction(record, ctx.platform.now(), ctx.actor.name, "server.stop", project_id)
    return await _server(ctx)


@operation(
    "GET",
    "/projects/{project_id}/server/events",
    "Progress of a server's start",
    response=ServerEvent,
    media_type="text/event-stream",
)
async def server_events(ctx: Context) -> None:
    """Stream the progress of a start until the server is ready or has failed."""
    await _allow(ctx, Capability.RUN_SERVER)
    assert ctx.send_event is not None
    async for event in ctx.platform.jupyterhub.progress(ctx.path["project_id"]):
        await ctx.send_event(
            ServerEvent(
                progress=int(str(event.get("progress", 0))),
                message=str(event.get("message", "")),
                ready=bool(event.get("ready")),
                failed=bool(event.get("failed")),
                url=str(event["url"]) if event.get("url") else None,
            )
        )


@operation(
    "POST",
    "/internal/projects/{project_id}/idle",
    "A server has had nothing to do for long",
    audience=Audience.PROJECT_SERVER,
    status=204,
)
async def report_idle(ctx: Context) -> None:
    """Stop the server that asks."""
    project_id = ctx.own_project_id
    await ctx.platform.transaction(record, ctx.platform.now(), "platform", "server.cull", project_id)
    await ctx.platform.jupyterhub.stop_server(project_id)


@operation(
    "POST",
    "/internal/projects/{project_id}/token-checks",
    "What the holder of a token may do in a project, for its server",
    audience=Audience.PROJECT_SERVER,
    body=TokenCheck,
    response=Access,
)
async def check_token(ctx: Context) -> Access:
    """Return whose token this is and what it is good for in the project of the server that asks."""
    project_id, hashed, now = ctx.own_project_id, ctx.body_as(TokenCheck).sha256, ctx.platform.now()

    def work(session: Session) -> tuple[Access, str | None]:
        user, token = access_tokens.find_by_hash(session, hashed, now)
        is_seen = token.last_used_at is not None and now - token.last_used_at <= access_tokens.SEEN_STEP
        actor = Actor(user.name)
        try:
            _, role = projects.get(session, project_id, actor, Capability.READ)
        except (NotFoundError, ForbiddenError):
            role = None
        held = within_scopes(capabilities(actor, role), access_tokens.scopes_of(token))
        access = Access(user=person(user), role=role, capabilities=sorted(held))
        return access, None if is_seen else token.id

    access, unseen = await ctx.platform.read(work)
    if unseen is not None:
        await ctx.platform.transaction(access_tokens.touch, unseen, now)
    return access


async def _follow(platform: Platform, project_id: str) -> None:
    """Keep the reason when a start fails, whoever looks or does not look meanwhile."""
    try:
        async for event in platform.jupyterhub.progress(project_id):
            if event.get("failed"):
                message = str(event.get("message", "")).removeprefix("Spawn failed: ").strip()
                await platform.transaction(_keep_failure, platform, project_id, message or SAFETY_MESSAGE)
    except (HubError, OSError, ValueError) as error:
        log.warning("the start of %s cannot be followed: %s", project_id, error)


def _keep_failure(session: Session, platform: Platform, project_id: str, message: str) -> None:
    project = session.get(ProjectRow, project_id)
    if project is not None:
        now = platform.now()
        project.server_failure, project.server_failed_at = message, now
        record(session, now, "platform", "server.fail", project_id, message)


def _profile(platform: Platform, project: ProjectRow) -> tuple[str, ServerProfile]:
    profiles = platform.settings.profiles
    name = project.profile if project.profile in profiles else next(iter(profiles))
    return name, profiles[name]


def _options(profile: ServerProfile) -> dict[str, object]:
    return profile.model_dump(exclude={"title", "description"}, exclude_none=True)


def _check_quotas(
    session: Session, platform: Platform, user_name: str, profile_name: str, running: Mapping[str, ServerStatus]
) -> None:
    """Refuse a start that the starter's quota does not leave room for.

    Raises
    ------
    ConflictError
        The message says which limit, and what to do.
    """
    limits, profiles = limits_of(session, user_name), platform.settings.profiles
    if limits.profiles is not None and profile_name not in limits.profiles:
        raise ConflictError(
            f"You may not start servers of the size “{profiles[profile_name].title or profile_name}”. "
            "Choose another in the project's settings, or ask the operator."
        )
    own = session.scalars(
        select(ProjectRow).where(ProjectRow.id.in_(list(running)), ProjectRow.started_by == user_name)
    ).all()
    if limits.running_servers is not None and len(own) >= limits.running_servers:
        names = ", ".join(f"“{project.name}”" for project in own[:5])
        raise ConflictError(
            f"You may have {limits.running_servers} servers running at once, and these run: {names or 'none'}. "
            "Stop one of them first."
        )
    holders = [project for project in own if running[project.id].gpus]
    held = sum(running[project.id].gpus for project in holders)
    wanted = profiles[profile_name].gpus
    if limits.gpus is not None and wanted and held + wanted > limits.gpus:
        names = ", ".join(f"“{project.name}”" for project in holders[:5])
        raise ConflictError(
            f"You may hold {limits.gpus} GPUs at once. This size has {wanted}, and your running servers hold {held}"
            + (f": {names}. Stop one of them first, or choose" if names else ". Choose")
            + " another size in the project's settings."
        )


async def _allow(ctx: Context, needed: Capability) -> ProjectRow:
    project, _ = await ctx.platform.read(projects.get, ctx.path["project_id"], ctx.actor, needed)
    return project


async def _server(ctx: Context) -> Server:
    status = await ctx.platform.jupyterhub.server_status(ctx.path["project_id"])
    project = await _allow(ctx, Capability.RUN_SERVER)
    failed = status.state == "stopped" and bool(project.server_failure)
    return Server.model_validate(
        {
            "state": "failed" if failed else status.state,
            "url": status.url,
            "started_at": status.started_at,
            "message": project.server_failure or None if failed else None,
        }
    )
