"""Publications in the database: every function takes the session of the caller's transaction."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.orm import Session

from hub.data.audit import record
from hub.data.models import ProjectRow
from hub.data.project_models import PublicationRow, PublishedFileRow
from hub.errors import NotFoundError

Content = tuple[str, int]  # digest, bytes


def create(
    session: Session,
    project: ProjectRow,
    path: str,
    title: str,
    is_listed: bool,
    contents: Mapping[str, Content],
    *,
    by: str,
    now: datetime,
) -> PublicationRow:
    """Show files of a project to everybody who has the link; they stay as they are now."""
    publication = PublicationRow(
        id=secrets.token_urlsafe(15),
        project_id=project.id,
        path=path,
        title=title,
        is_listed=is_listed,
        created_by=by,
        created_at=now,
        updated_at=now,
    )
    publication.files = _rows(contents)
    session.add(publication)
    record(session, now, by, "project.publish", project.id, path or "all files")
    session.flush()
    return publication


def update(
    session: Session,
    publication: PublicationRow,
    *,
    title: str | None,
    is_listed: bool | None,
    contents: Mapping[str, Content] | None,
    by: str,
    now: datetime,
) -> None:
    """Change a publication's title or listing, or show the files as they are now."""
    if title is not None:
        publication.title = title
    if is_listed is not None:
        publication.is_listed = is_listed
    if contents is not None:
        publication.files.clear()
        session.flush()
        publication.files.extend(_rows(contents))
        publication.updated_at = now
        record(session, now, by, "project.publish_again", publication.project_id, publication.path or "all files")
    session.flush()


def revoke(session: Session, publication: PublicationRow, *, by: str, now: datetime) -> None:
    """Stop showing a publication; its address answers as if it had never been."""
    record(session, now, by, "project.unpublish", publication.project_id, publication.path or "all files")
    session.delete(publication)


def get(session: Session, publication_id: str) -> PublicationRow:
    """Return a publication.

    Raises
    ------
    NotFoundError
        There is none, or its project is in the trash.
    """
    publication = session.scalar(
        select(PublicationRow)
        .join(ProjectRow, ProjectRow.id == PublicationRow.project_id)
        .where(PublicationRow.id == publication_id, ProjectRow.deleted_at.is_(None))
    )
    if publication is None:
        raise NotFoundError("Nothing is published at this address, or not any more.")
    return publication


def of_project(session: Session, project_id: str) -> Sequence[PublicationRow]:
    """Return what a project publishes, the latest first."""
    query = select(PublicationRow).where(PublicationRow.project_id == project_id)
    return session.scalars(query.order_by(PublicationRow.updated_at.desc(), PublicationRow.id)).all()


def listed(session: Session, search: str, before: tuple[datetime, str] | None, limit: int) -> Sequence[PublicationRow]:
    """Return publications that everybody may find, the latest first."""
    query = (
        select(PublicationRow)
        .join(ProjectRow, ProjectRow.id == PublicationRow.project_id)
        .where(PublicationRow.is_listed, ProjectRow.deleted_at.is_(None))
        .order_by(PublicationRow.updated_at.desc(), PublicationRow.id.desc())
        .limit(limit)
    )
    if search:
        query = query.where(
            or_(
                PublicationRow.title.icontains(search, autoescape=True),
                PublicationRow.path.icontains(search, autoescape=True),
            )
        )
    if before is not None:
        query = query.where(tuple_(PublicationRow.updated_at, PublicationRow.id) < before)
    return session.scalars(query).all()


def files_of(session: Session, publication_id: str) -> dict[str, Content]:
    """Return the files of a publication by path."""
    publication = get(session, publication_id)
    rows = session.scalars(select(PublishedFileRow).where(PublishedFileRow.publication_id == publication.id))
    return {row.path: (row.digest, row.size_bytes) for row in sorted(rows, key=lambda row: row.path)}


def digests_in_use(session: Session) -> set[str]:
    """Return the digests that publications need."""
    return set(session.scalars(select(func.distinct(PublishedFileRow.digest))))


def _rows(contents: Mapping[str, Content]) -> list[PublishedFileRow]:
    return [PublishedFileRow(path=path, digest=digest, size_bytes=size) for path, (digest, size) in contents.items()]
