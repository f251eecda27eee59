"""Operations on a project's Jupyter server."""

from __future__ import annotations

from hub.api.context import Context
from hub.api.operation import operation
from hub.api.schemas import Server, ServerEvent
from hub.data import projects
from hub.policy import Capability


@operation("GET", "/projects/{project_id}/server", "State of a project's server", response=Server)
async def read_server(ctx: Context) -> Server:
    """Return the state of the project's server."""
    await _allow(ctx)
    return await _server(ctx)


@operation("POST", "/projects/{project_id}/server", "Start a project's server", response=Server, status=202)
async def start_server(ctx: Context) -> Server:
    """Start the project's server, if it does not run yet."""
    await _allow(ctx)
    await ctx.platform.jupyterhub.start_server(ctx.path["project_id"])
    return await _server(ctx)


@operation("DELETE", "/projects/{project_id}/server", "Stop a project's server", response=Server)
async def stop_server(ctx: Context) -> Server:
    """Stop the project's server and its kernels."""
    await _allow(ctx)
    await ctx.platform.jupyterhub.stop_server(ctx.path["project_id"])
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
    await _allow(ctx)
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


async def _allow(ctx: Context) -> None:
    await ctx.platform.read(projects.get, ctx.path["project_id"], ctx.actor, Capability.RUN_SERVER)


async def _server(ctx: Context) -> Server:
    status = await ctx.platform.jupyterhub.server_status(ctx.path["project_id"])
    return Server.model_validate({"state": status.state, "url": status.url, "started_at": status.started_at})
