"""Cursors of paged lists: opaque to the caller, made of what the list is ordered by."""

from __future__ import annotations

import base64
import json
from datetime import datetime

from hub.errors import InvalidError


def encode(at: datetime, key: str) -> str:
    """Return the cursor behind an item that is ordered by a time and a key."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), key]).encode()).decode()


def decode(cursor: str | None) -> tuple[datetime, str] | None:
    """Return the time and the key of a cursor, None for the first page.

    Raises
    ------
    InvalidError
        No list gave this cursor out.
    """
    if cursor is None:
        return None
    try:
        at, key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("a time without a zone")
        return moment, str(key)
    except (ValueError, TypeError) as error:
        raise InvalidError("The cursor is not one that a list gave out.", {"cursor": "is not valid"}) from error
