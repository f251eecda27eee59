"""Requests that are no operations of the API: downloads with resume, and what is published, as pages of no origin."""

from __future__ import annotations

import asyncio
import html
import logging
import os
import re
from pathlib import PurePosixPath
from urllib.parse import quote, unquote

from sqlalchemy.orm import Session
from tornado import web
from tornado.iostream import StreamClosedError
from tornado.routing import URLSpec

from hub.api.context import Context, Platform
from hub.api.course_support import blob_store
from hub.api.new_projects import files_of
from hub.api.operation import Audience, Operation
from hub.api.signed_requests import authenticate
from hub.data import people, projects, publications
from hub.data.project_models import PublicationRow
from hub.errors import HubError, InvalidError, NotFoundError
from hub.pages import document, render_file
from hub.pages.files import limit_bytes
from hub.pages.frame import POLICY
from hub.policy import Capability
from hub.runtime import API_PREFIX, SERVICE_PREFIX
from hub.signed_in import SignedIn

log = logging.getLogger("collegium.files")
CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class DownloadHandler(SignedIn, web.RequestHandler):
    """A file of a project, always to be saved and never shown; interrupted downloads go on (`Range`)."""

    def initialize(self, platform: Platform, operator_token: str) -> None:
        """Take what the route carries."""
        self.platform, self.operator_token = platform, operator_token

    def check_xsrf_cookie(self) -> None:
        """Nothing is changed here."""

    async def get(self, project_id: str) -> None:
        """Send the file."""
        context = Context(self.platform, {"project_id": project_id}, "")
        path = self.get_query_argument("path", "")
        try:
            await authenticate(self, _DOWNLOAD, context, self.operator_token)
            await self.platform.read(projects.get, project_id, context.actor, Capability.READ)
            await self._send(project_id, path)
        except StreamClosedError:
            return
        except HubError as error:
            self.set_status(error.status)
            self.set_header("Content-Type", "text/plain; charset=utf-8")
            self.finish(error.detail)

    async def _send(self, project_id: str, path: str) -> None:
        name = path.rpartition("/")[2]
        with files_of(self.platform.settings, project_id).open_file(path) as (descriptor, status):
            tag = f'"{status.st_ino:x}-{status.st_mtime_ns:x}-{status.st_size:x}"'
            start, stop = self._range(status.st_size, tag)
            self.set_header("Content-Type", "application/octet-stream")
            self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(name, safe='')}")
            self.set_header("X-Content-Type-Options", "nosniff")
            self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
            self.set_header("Cache-Control", "no-store")
            self.set_header("Accept-Ranges", "bytes")
            self.set_header("ETag", tag)
            self.set_header("Content-Length", str(stop - start))
            self.set_header("Content-Encoding", "identity")  # a compressed answer cannot be continued
            while start < stop:
                part = await asyncio.to_thread(os.pread, descriptor, min(CHUNK_BYTES, stop - start), start)
                if not part:
                    raise StreamClosedError()  # the file has become shorter: the client sees a cut download
                self.write(part)
                await self.flush()
                start += len(part)

    def _range(self, size: int, tag: str) -> tuple[int, int]:
        header = self.request.headers.get("Range", "")
        match = _RANGE.fullmatch(header)
        if match is None or self.request.headers.get("If-Range", tag) != tag or match[0] == "bytes=-":
            return 0, size
        if match[1]:
            start, stop = int(match[1]), min(int(match[2]) + 1 if match[2] else size, size)
        else:
            start, stop = max(size - int(match[2]), 0), size
        if start >= stop:
            self.set_header("Content-Range", f"bytes */{size}")
            raise _UnsatisfiableError(f"The file has {size} bytes.")
        self.set_status(206)
        self.set_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        return start, stop

    def compute_etag(self) -> str | None:
        """The file's own is sent."""
        return None


class PublishedHandler(web.RequestHandler):
    """What is published, for everybody who has the address: static pages without scripts, in an origin of their own."""

    def initialize(self, platform: Platform) -> None:
        """Take what the route carries."""
        self.platform = platform

    def set_default_headers(self) -> None:
        """The policy takes the page out of the platform's origin."""
        self.set_header("Content-Security-Policy", POLICY + "; frame-ancestors 'none'")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("X-Robots-Tag", "noindex")

    async def get(self, publication_id: str, path: str) -> None:
        """Show a list of files, or one file; `?download` saves it."""
        try:
            await self._show(publication_id, unquote(path) if "%" in path else path)
        except HubError as error:
            self.set_status(error.status)
            self.write(document(error.title, f"<h1>{html.escape(error.title)}</h1><p>{html.escape(error.detail)}</p>"))

    async def _show(self, publication_id: str, path: str) -> None:
        publication, author = await self.platform.read(_read, publication_id)
        contents = await self.platform.read(publications.files_of, publication_id)
        if not path and len(contents) == 1:
            path = next(iter(contents))
        base = f"{SERVICE_PREFIX}published/{publication_id}/"
        day = publication.updated_at.strftime("%-d %B %Y")
        actions = _button(f"{SERVICE_PREFIX}copy?from={publication_id}", "Copy to my project")
        if path and path in contents:
            digest, size = contents[path]
            store = blob_store(self.platform.settings)
            if self.get_query_argument("download", None) is not None:
                self._save(path, await asyncio.to_thread(store.get, digest))
                return
            if size > limit_bytes(path):
                body = (
                    f'<p class="note">“{html.escape(path)}” has {size / 1e6:.0f} MB, too much to show. Download it.</p>'
                )
            else:
                body = await asyncio.to_thread(lambda: _shown(path, store.get(digest)))
            actions += _button(f"{base}{quote(path)}?download", "Download")
        elif not path or any(name.startswith(path.rstrip("/") + "/") for name in contents):
            body = _listing(base, path.rstrip("/"), contents)
        else:
            raise NotFoundError(f"There is no “{path}” in what is published here.")
        up = f'<p><a target="_top" href="{base}">{html.escape(publication.title)}</a></p>' if len(contents) > 1 else ""
        title = PurePosixPath(path).name if path and len(contents) > 1 else publication.title
        head = f"{up}<h1>{html.escape(title)}</h1><p>Published by {html.escape(author)} on {day}.</p><p>{actions}</p>"
        self.write(document(title, body, head=head, foot="<p>Published with Collegium.</p>"))

    def _save(self, path: str, content: bytes) -> None:
        self.set_header("Content-Type", "application/octet-stream")
        self.set_header(
            "Content-Disposition", f"attachment; filename*=UTF-8''{quote(PurePosixPath(path).name, safe='')}"
        )
        self.write(content)


def file_routes(platform: Platform, operator_token: str) -> list[URLSpec]:
    """Return the routes of downloads and of what is published."""
    given = {"platform": platform}
    return [
        web.url(
            rf"{API_PREFIX}/projects/([a-z0-9]+)/download", DownloadHandler, given | {"operator_token": operator_token}
        ),
        web.url(rf"{SERVICE_PREFIX}published/([A-Za-z0-9_-]+)/(.*)", PublishedHandler, given),
    ]


class _UnsatisfiableError(HubError):
    status = 416
    title = "Range not satisfiable"


async def _no_operation(_context: Context) -> None:
    return None


# What `authenticate` needs to know about a download: people, and tokens that may read projects.
_DOWNLOAD = Operation(
    "GET",
    "/projects/{project_id}/download",
    "Download a file",
    "projects",
    _no_operation,
    Audience.USER,
    None,
    None,
    None,
    200,
    "application/octet-stream",
)


def _read(session: Session, publication_id: str) -> tuple[PublicationRow, str]:
    row = publications.get(session, publication_id)
    return row, people.display_names(session, {row.created_by}).get(row.created_by, row.created_by)


def _shown(path: str, content: bytes) -> str:
    try:
        return render_file(path, content)
    except InvalidError as error:
        return f'<p class="note">{html.escape(error.detail)}</p>'


def _button(address: str, text: str) -> str:
    return f'<a class="button" target="_top" href="{address}">{text}</a>'


def _listing(base: str, folder: str, contents: dict[str, publications.Content]) -> str:
    prefix = f"{folder}/" if folder else ""
    rows: dict[str, str] = {}
    for path, (_, size) in contents.items():
        if not path.startswith(prefix):
            continue
        name, slash, _ = path[len(prefix) :].partition("/")
        note = "folder" if slash else f"{size / 1000:,.0f} kB"
        link = f"{base}{quote(prefix + name)}{slash}"
        rows[name + slash] = (
            f'<li><a target="_top" href="{link}">{html.escape(name)}{slash}</a><span>{note}</span></li>'
        )
    return f'<ul class="files">{"".join(rows[name] for name in sorted(rows))}</ul>'
