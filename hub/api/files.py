"""Operations on the files of a project, with or without a running server."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field, StringConstraints
from sqlalchemy.orm import Session

from hub import uploads
from hub.api.context import Context
from hub.api.new_projects import files_of
from hub.api.operation import Query, operation
from hub.api.project_schemas import FileEntry, FileList, FoundFile, FoundFiles, Rendered, UploadState
from hub.data import projects
from hub.data.audit import record
from hub.data.quotas import storage_bytes_of
from hub.errors import InvalidError, NotFoundError
from hub.pages import document, render_file
from hub.pages.files import limit_bytes
from hub.policy import Capability
from hub.project_files import ProjectFolder
from hub.searching import search

Path = Annotated[str, StringConstraints(max_length=1000)]


class FolderQuery(Query):
    """Which folder."""

    path: Path = ""


class FileQuery(Query):
    """Which file."""

    path: Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class SearchQuery(Query):
    """What to look for."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class UploadQuery(FileQuery):
    """Which file is uploaded, how large it is, and from which byte on the body continues it."""

    size: Annotated[int, Field(ge=0, le=10**13)]
    offset: Annotated[int, Field(ge=0, le=10**13)] = 0
    replace: Annotated[bool, Field(description="Put it in the place of a file of that name.")] = False


@operation("GET", "/projects/{project_id}/files", "What a folder holds", query=FolderQuery, response=FileList)
async def list_files(ctx: Context) -> FileList:
    """Return the visible files and folders of one folder."""
    path = ctx.query_as(FolderQuery).path
    folder = await _allowed(ctx, Capability.READ)
    is_top = not path.strip("/")
    if is_top and not folder.root.exists():
        return FileList(path="", items=[], used_bytes=0, limit_bytes=await _storage_limit(ctx))
    found = await asyncio.to_thread(folder.entries, path)
    return FileList(
        path=path.strip("/"),
        items=[FileEntry(**vars(entry)) for entry in found],
        used_bytes=await asyncio.to_thread(folder.size_bytes) if is_top else None,
        limit_bytes=await _storage_limit(ctx) if is_top else None,
    )


@operation("GET", "/projects/{project_id}/search", "Search in a project", query=SearchQuery, response=FoundFiles)
async def search_files(ctx: Context) -> FoundFiles:
    """Return files whose name or text holds the searched one, cells of notebooks included."""
    folder = await _allowed(ctx, Capability.READ)
    if not folder.root.exists():
        return FoundFiles(items=[], is_complete=True)
    found = await asyncio.to_thread(search, folder, ctx.query_as(SearchQuery).text)
    return FoundFiles(items=[FoundFile(**vars(match)) for match in found.matches], is_complete=found.is_complete)


@operation("GET", "/projects/{project_id}/view", "A file as a page", query=FileQuery, response=Rendered)
async def view_file(ctx: Context) -> Rendered:
    """Return a notebook, text, table or picture as a page without scripts; needs no server."""
    path = ctx.query_as(FileQuery).path
    folder = await _allowed(ctx, Capability.READ)

    def render() -> str:
        return document(path, render_file(path, folder.read(path, limit_bytes(path))))

    return Rendered(title=path.rpartition("/")[2], html=await asyncio.to_thread(render))


@operation("GET", "/projects/{project_id}/upload", "How much has arrived", query=UploadQuery, response=UploadState)
async def read_upload(ctx: Context) -> UploadState:
    """Return from which byte on to continue an upload that was interrupted."""
    upload = await _upload(ctx)
    return UploadState(received_bytes=await asyncio.to_thread(upload.received_bytes), is_complete=False)


@operation(
    "PUT",
    "/projects/{project_id}/upload",
    "Upload a part of a file",
    query=UploadQuery,
    response=UploadState,
    accepts=("application/octet-stream",),
)
async def upload_file(ctx: Context) -> UploadState:
    """Continue an upload; the part that makes it complete puts the file into the project."""
    query, upload = ctx.query_as(UploadQuery), await _upload(ctx)
    received = await asyncio.to_thread(upload.add, query.offset, ctx.content)
    if received < query.size:
        return UploadState(received_bytes=received, is_complete=False)
    await asyncio.to_thread(upload.finish, query.replace)
    now = ctx.platform.now()
    await ctx.platform.transaction(record, now, ctx.actor.name, "project.upload", ctx.path["project_id"], query.path)
    return UploadState(received_bytes=received, is_complete=True)


async def _upload(ctx: Context) -> uploads.Upload:
    query, settings = ctx.query_as(UploadQuery), ctx.platform.settings
    folder = await _allowed(ctx, Capability.WRITE)
    if query.size > settings.upload_limit_mb * 1_000_000:
        raise InvalidError(f"A file may have at most {settings.upload_limit_mb} MB.", {"size": "is too large"})
    limit = await _storage_limit(ctx)
    if limit is not None and (await asyncio.to_thread(folder.size_bytes)) + query.size > limit:
        raise InvalidError(
            f"The project may hold {limit / 1e9:.1f} GB, and this file does not fit any more. "
            "Delete what is not needed, or ask the operator for more.",
            {"size": "is more than the quota leaves"},
        )
    return uploads.Upload(folder, query.path, query.size, ctx.actor.name)


async def _allowed(ctx: Context, needed: Capability) -> ProjectFolder:
    if ctx.platform.settings.cluster_file is not None:
        raise NotFoundError("On this installation files are reached through the project's server; open the project.")
    await ctx.platform.read(projects.get, ctx.path["project_id"], ctx.actor, needed)
    return files_of(ctx.platform.settings, ctx.path["project_id"])


async def _storage_limit(ctx: Context) -> int | None:
    def work(session: Session) -> int | None:
        project, _ = projects.get(session, ctx.path["project_id"], ctx.actor, Capability.READ)
        return storage_bytes_of(session, project)

    return await ctx.platform.read(work)
