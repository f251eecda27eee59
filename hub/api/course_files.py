"""Files in requests and responses, and uploads of contents that are too large to come with others."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from courseware import Capability
from hub.api import course_schemas as s
from hub.api.context import Context
from hub.api.course_support import blobs, course_of, receipt_key, transaction
from hub.api.operation import operation
from hub.errors import InvalidError


@operation("POST", "/courses/{course_id}/uploads", "Upload one content", body=s.Upload, response=s.Ticket, status=201)
async def upload(ctx: Context) -> s.Ticket:
    """Keep a content; its ticket stands for it in a later request of the same user."""
    await transaction(
        ctx,
        lambda session: course_of(session, ctx, Capability.READ) and None,
        read=True,
    )
    content = _decode("content", ctx.body_as(s.Upload).content_base64)
    digest = await asyncio.to_thread(blobs(ctx).put, content)
    return s.Ticket(ticket=f"{digest}.{_seal(ctx, digest)}", sha256=digest, size=len(content))


async def read_files(ctx: Context, given: s.FileSet) -> dict[str, bytes]:
    """Return the files of a request, those that were uploaded before included.

    Raises
    ------
    InvalidError
        A path comes twice, or a file is neither base64 nor a ticket of the caller.
    """
    files: dict[str, bytes] = {}
    for file in given.files:
        if file.path in files:
            raise InvalidError(f"The path “{file.path}” comes twice.")
        if file.content_base64 is not None:
            files[file.path] = _decode(file.path, file.content_base64)
            continue
        digest, _, seal = (file.ticket or "").partition(".")
        if not hmac.compare_digest(seal, _seal(ctx, digest)):
            raise InvalidError(f"The file “{file.path}” has neither a content nor a valid ticket.")
        files[file.path] = await asyncio.to_thread(blobs(ctx).get, digest)
    return files


def encode(files: Mapping[str, bytes]) -> list[s.FileContent]:
    """Return files as the response carries them."""
    return [
        s.FileContent(path=path, content_base64=base64.b64encode(content).decode()) for path, content in files.items()
    ]


def _seal(ctx: Context, digest: str) -> str:
    # A digest alone must not give a content: it stands in receipts, which other people may see.
    text = f"upload\0{ctx.actor.name}\0{digest}".encode()
    return hmac.new(receipt_key(ctx.platform.settings), text, hashlib.sha256).hexdigest()


def _decode(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidError(f"The content of “{name}” is not base64.") from error
