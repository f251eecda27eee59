"""ETags: what a thing looked like, so that two people who change it at once do not undo each other's work."""

from __future__ import annotations

import hashlib

from pydantic import BaseModel

from hub.errors import PreconditionFailedError


def entity_tag(model: BaseModel) -> str:
    """Return the ETag of an answer.

    What changes by itself (a server's state) does not count: a model names such fields in `ETAG_EXCLUDES`.
    """
    excluded = set(getattr(type(model), "ETAG_EXCLUDES", ()))
    digest = hashlib.sha256(model.model_dump_json(exclude=excluded or None).encode()).hexdigest()
    return f'"{digest[:32]}"'


def is_whole(model: BaseModel) -> bool:
    """Return whether the ETag covers all of the answer, so that `If-None-Match` may spare sending it again."""
    return not getattr(type(model), "ETAG_EXCLUDES", ())


def check_match(header: str | None, current: BaseModel) -> None:
    """Compare an `If-Match` header with what is there.

    Raises
    ------
    PreconditionFailedError
        They differ.
    """
    if header is None or header.strip() == "*":
        return
    if entity_tag(current) not in [tag.strip() for tag in header.split(",")]:
        raise PreconditionFailedError("Somebody changed this since you looked. Load it again, then repeat your change.")
