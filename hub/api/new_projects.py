"""How a project is made: its files are complete before it is in the database, or it is not made at all."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from sqlalchemy.orm import Session

from hub.api.context import Context
from hub.api.course_support import blobs
from hub.api.schemas import ProjectCreate, ProjectSource
from hub.data import projects, publications, users
from hub.data.audit import record
from hub.data.models import ProjectRow
from hub.data.quotas import limits_of
from hub.errors import InvalidError
from hub.policy import Capability
from hub.project_files import ProjectFolder, remove_folder
from hub.project_sources import GitLimits, check_git_url, clone_git, fetch_template
from hub.publishing import write_out
from hub.settings import Settings

STAGING = ".new"


def files_of(settings: Settings, project_id: str) -> ProjectFolder:
    """Return the files of a project."""
    return ProjectFolder(settings.projects_dir / project_id / "files")


async def make_project(ctx: Context, new: ProjectCreate) -> ProjectRow:
    """Create a project that the caller owns, with a copy of the files of its source."""
    project_id, settings = projects.new_id(), ctx.platform.settings
    staging = settings.projects_dir / STAGING / project_id
    source = await _checked(ctx, new.source) if new.source else None
    try:
        if source is not None:
            await _fill(ctx, source, staging / "files")
            await asyncio.to_thread(os.replace, staging, settings.projects_dir / project_id)
        return await ctx.platform.transaction(_create, ctx, new, project_id)
    except BaseException:
        await asyncio.to_thread(remove_folder, settings.projects_dir / project_id)
        raise
    finally:
        await asyncio.to_thread(remove_folder, staging)


def describe(source: ProjectSource) -> str:
    """Return where a copy comes from, for the audit log."""
    if source.project_id:
        return f"project {source.project_id}"
    if source.template:
        return f"template {source.template}"
    return source.git_url or f"publication {source.publication_id}"


def git_limits(settings: Settings, size_bytes: int | None) -> GitLimits:
    """Return what cloning may do in this installation."""
    return GitLimits(
        tuple(settings.git_protocols),
        settings.git_private_hosts,
        settings.git_timeout_seconds,
        min(size_bytes or settings.git_limit_bytes, settings.git_limit_bytes),
    )


def _create(session: Session, ctx: Context, new: ProjectCreate, project_id: str) -> ProjectRow:
    now, owner = ctx.platform.now(), users.get(session, ctx.actor.name)
    project = projects.create(session, new.name, new.description, owner, now, project_id)
    if new.source is not None:
        record(session, now, owner.name, "project.copy", project.id, describe(new.source))
    return project


async def _checked(ctx: Context, source: ProjectSource) -> ProjectSource:
    given = [source.project_id, source.template, source.git_url, source.publication_id]
    if sum(one is not None for one in given) != 1:
        raise InvalidError(
            "Copy from exactly one of a project, a template, a git address or a publication.",
            {"source": "must name exactly one"},
        )
    if source.project_id is not None:
        await ctx.platform.read(projects.get, source.project_id, ctx.actor, Capability.READ)
    if source.git_url is not None:
        await asyncio.to_thread(check_git_url, source.git_url, git_limits(ctx.platform.settings, None))
    return source


async def _fill(ctx: Context, source: ProjectSource, target: Path) -> None:
    settings = ctx.platform.settings
    limit = (await ctx.platform.read(limits_of, ctx.actor.name)).storage_bytes
    await asyncio.to_thread(target.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
    if source.project_id is not None:
        origin = files_of(settings, source.project_id)
        if origin.root.exists():
            await asyncio.to_thread(origin.copy_to, target, source.path, limit)
        else:
            await asyncio.to_thread(target.mkdir, mode=0o700)
    elif source.template is not None:
        await asyncio.to_thread(fetch_template, source.template, settings.templates_dir, target)
    elif source.git_url is not None:
        limits = git_limits(settings, limit)
        await asyncio.to_thread(clone_git, source.git_url, source.git_ref, target, limits)
    elif source.publication_id is not None:
        contents = await ctx.platform.read(publications.files_of, source.publication_id)
        await asyncio.to_thread(write_out, contents, blobs(ctx), target)
