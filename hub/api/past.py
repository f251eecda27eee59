"""Operations on what a project's state tells without its server: the past of documents, talk, snapshots.

The project's own server offers the same, and changes it; see `docs/dev/rooms_http.md`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from hub.api import past_schemas as s
from hub.api.context import Context
from hub.api.new_projects import files_of
from hub.api.operation import Audience, Content, Query, operation
from hub.data import projects, users
from hub.data.models import ProjectRow
from hub.errors import InvalidError, NotFoundError, UnavailableError
from hub.policy import Capability
from hub.project_users import project_user_id
from hub.runtime import SERVICE_PREFIX
from kernels import ForkServerError
from spawner import fork_server

if TYPE_CHECKING:
    from hub.cluster import Cluster

PROJECT = "/projects/{project_id}"
FILE_BYTES = 200_000_000
Path = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class DocumentQuery(Query):
    """Which document."""

    path: Path


class RevisionQuery(DocumentQuery):
    """Which moment of which document."""

    revision: Annotated[int, Field(ge=0)]


class DifferenceQuery(DocumentQuery):
    """Which two moments of which document."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class CommentsQuery(Query):
    """Of which document; all without one."""

    path: Annotated[str, StringConstraints(max_length=1000)] = ""


class PageQuery(Query):
    """Which part of a list."""

    before: Annotated[int | None, Field(ge=0)] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class SnapshotQuery(Query):
    """Which folder of a snapshot."""

    folder: Annotated[str, StringConstraints(max_length=1000)] = ""


@operation("GET", PROJECT + "/history", "The revisions of a document", query=DocumentQuery, response=s.History)
async def read_history(ctx: Context) -> s.History:
    """Return the revisions of a document, the oldest first."""
    path = ctx.query_as(DocumentQuery).path
    return s.History.model_validate(await _read(ctx, "history", path))


@operation(
    "GET", PROJECT + "/history/revision", "A document at a moment", query=RevisionQuery, response=s.RevisionContent
)
async def read_revision(ctx: Context) -> s.RevisionContent:
    """Return the content of a document at a revision."""
    query = ctx.query_as(RevisionQuery)
    found = await _read(ctx, "revision", query.path, query.revision)
    return s.RevisionContent.model_validate(found)


@operation("GET", PROJECT + "/history/diff", "What changed in a document", query=DifferenceQuery, response=s.Difference)
async def read_difference(ctx: Context) -> s.Difference:
    """Return what changed in a document from one revision to another."""
    query = ctx.query_as(DifferenceQuery)
    found = await _read(ctx, "difference", query.path, query.start, query.end)
    return s.Difference.model_validate(found)


@operation("GET", PROJECT + "/comments", "Comments on documents", query=CommentsQuery, response=s.Threads)
async def list_comments(ctx: Context) -> s.Threads:
    """Return the threads of one document, or of all."""
    path = ctx.query_as(CommentsQuery).path
    return s.Threads.model_validate({"threads": await _read(ctx, "comments", path)})


@operation("GET", PROJECT + "/chat", "The project's chat", query=PageQuery, response=s.Chat)
async def read_chat(ctx: Context) -> s.Chat:
    """Return messages of the chat, the oldest first."""
    query = ctx.query_as(PageQuery)
    found = await _read(ctx, "chat", query.before, query.limit + 1)
    return s.Chat.model_validate({"messages": found[-query.limit :], "more": len(found) > query.limit})


@operation("GET", PROJECT + "/recent", "What people did in the project", query=PageQuery, response=s.Recent)
async def read_recent(ctx: Context) -> s.Recent:
    """Return who edited, ran, commented and restored what, the newest first."""
    query = ctx.query_as(PageQuery)
    found = await _read(ctx, "activity", query.before, query.limit + 1)
    return s.Recent.model_validate({"entries": found[: query.limit], "more": len(found) > query.limit})


@operation("GET", PROJECT + "/snapshots", "Snapshots of all files", response=s.Snapshots)
async def list_snapshots(ctx: Context) -> s.Snapshots:
    """Return the snapshots, the newest first."""
    return s.Snapshots.model_validate({"snapshots": await _read(ctx, "snapshots")})


@operation(
    "GET",
    PROJECT + "/snapshots/{snapshot_id}",
    "A folder of a snapshot",
    query=SnapshotQuery,
    response=s.SnapshotFolder,
)
async def read_snapshot(ctx: Context) -> s.SnapshotFolder:
    """Return what was in a folder."""
    folder, number = ctx.query_as(SnapshotQuery).folder.strip("/"), _number(ctx)
    entries = await _read(ctx, "folder", number, folder)
    return s.SnapshotFolder.model_validate({"folder": folder, "entries": entries})


@operation(
    "GET",
    PROJECT + "/snapshots/{snapshot_id}/file",
    "A file of a snapshot",
    query=DocumentQuery,
    media_type="application/octet-stream",
)
async def download_from_snapshot(ctx: Context) -> Content:
    """Return a file as it was; files above 200 MB are downloaded through the project's server."""
    path, number = ctx.query_as(DocumentQuery).path.strip("/"), _number(ctx)
    if await _read(ctx, "file_size", number, path) > FILE_BYTES:
        raise InvalidError("The file is larger than 200 MB: open the project and download it there.")
    data = await _read(ctx, "file", number, path)
    name = "".join(letter for letter in path.rpartition("/")[2] if letter.isprintable() and letter not in '"\\')
    return Content(data, "application/octet-stream", name.encode("ascii", "replace").decode())


@operation(
    "GET",
    "/internal/projects/{project_id}/members",
    "Who belongs to a project, for its server",
    audience=Audience.PROJECT_SERVER,
    response=s.ProjectMembers,
)
async def read_members(ctx: Context) -> s.ProjectMembers:
    """Return the members of the project of the server that asks."""
    project_id = ctx.own_project_id

    def work(session: Session) -> s.ProjectMembers:
        project = _project(session, project_id)
        members = [
            s.ProjectMember(name=m.user.name, display_name=m.user.display_name, role=m.role)
            for m in project.memberships
        ]
        return s.ProjectMembers(members=members)

    return await ctx.platform.read(work)


@operation(
    "POST",
    "/internal/projects/{project_id}/mentions",
    "Tell members by mail that they were mentioned",
    audience=Audience.PROJECT_SERVER,
    body=s.Mention,
    response=s.Mentioned,
)
async def tell_mentioned(ctx: Context) -> s.Mentioned:
    """Send a mail to each member who is mentioned and has an address, where the operator has set a mail server."""
    project_id, mention = ctx.own_project_id, ctx.body_as(s.Mention)
    if not ctx.platform.mailer.can_send:
        return s.Mentioned(mailed=0)

    def work(session: Session) -> tuple[str, str, list[str]]:
        project = _project(session, project_id)
        author = users.get(session, mention.by)
        wanted = set(mention.users) - {mention.by}
        people = [m.user for m in project.memberships if m.user.name in wanted and m.user.is_active]
        addresses = [user.email for user in people if user.email and user.email_verified_at]
        return author.display_name, project.name, addresses

    author, project_name, addresses = await ctx.platform.read(work)
    address = f"{ctx.platform.settings.public_url.rstrip('/')}{SERVICE_PREFIX}projects/{project_id}"
    where = f"on {mention.path}" if mention.path else "in the chat"
    text = f"{author} mentioned you {where} of the project “{project_name}”:\n\n{mention.text}\n\n{address}\n"
    for to in addresses:
        ctx.platform.mailer.send_later(to, f"{author} mentioned you in {project_name}", text)
    return s.Mentioned(mailed=len(addresses))


def _project(session: Session, project_id: str) -> ProjectRow:
    project = session.get(ProjectRow, project_id)
    if project is None:
        raise NotFoundError(f"There is no project {project_id!r}.")
    return project


def _number(ctx: Context) -> int:
    value = ctx.path["snapshot_id"]
    if not value.isdigit():
        raise NotFoundError(f"There is no snapshot {value!r}.")
    return int(value)


def why_unreachable(cluster: Cluster | None, server_state: str) -> str:
    """Return why a project's state cannot be read from here; empty when it can.

    On one machine its databases may be read beside its server. On a cluster the server may be on another machine, and
    SQLite's databases are for one at a time.
    """
    if cluster is None:
        return ""
    if cluster.storage.perProject:
        return "On this installation the past is reached through the project's server; open the project."
    if server_state != "stopped":
        return "The project's server is running, and the past is read there: open the project, or stop its server."
    return ""


async def _read(ctx: Context, question: str, *arguments: str | int | None) -> Any:
    """Ask the project's state for somebody who may read the project."""
    settings, project_id, root = ctx.platform.settings, ctx.path["project_id"], None
    await ctx.platform.read(projects.get, project_id, ctx.actor, Capability.READ)
    if settings.cluster_file is not None:
        from hub.cluster import cluster_of  # its models take long to make
        from hub.kubernetes_config import FILES_FOLDER

        root = FilePath(FILES_FOLDER)
        status = await ctx.platform.jupyterhub.server_status(project_id)
        if reason := why_unreachable(cluster_of(settings), status.state):
            raise NotFoundError(reason)

    def work() -> Any:
        from spawner import ConfinedState

        files, state = files_of(settings, project_id).root, settings.projects_dir / project_id / "state"
        user_id = project_user_id(settings, project_id)
        return ConfinedState(fork_server(settings.run_dir), files, state, root, user_id).ask(question, *arguments)

    try:
        return await asyncio.to_thread(work)
    except (OSError, ForkServerError) as error:
        raise UnavailableError(f"The project's past cannot be read now: {error}.") from error
    except KeyError as error:
        raise NotFoundError(f"The project has no record of {error}.") from error
