"""Contents that go through browsers and learning platforms and come back as they were sent: sealed, for a time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime

from courseware import ForbiddenError


def seal(purpose: str, content: dict[str, object], key: bytes, until: datetime) -> str:
    """Return a content as text that nobody else can make, and that is good for one purpose until a time."""
    dated = content | {"until": int(until.timestamp())}
    body = base64.urlsafe_b64encode(json.dumps(dated, sort_keys=True).encode()).decode()
    return f"{body}.{_mac(purpose, body, key)}"


def unseal(purpose: str, text: str, key: bytes, now: datetime) -> dict[str, object]:
    """Return what was sealed.

    Raises
    ------
    ForbiddenError
        It was not, not here, for something else, or too long ago.
    """
    body, _, mac = text.partition(".")
    if not hmac.compare_digest(mac.encode(), _mac(purpose, body, key).encode()):
        raise ForbiddenError("This was not begun here. Open the activity in your learning platform again.")
    content: dict[str, object] = json.loads(base64.urlsafe_b64decode(body))
    if int(str(content["until"])) < now.timestamp():
        raise ForbiddenError("This took too long. Open the activity in your learning platform again.")
    return content


def digest(text: str) -> str:
    """Return what stands for a text that must not be told."""
    return hashlib.sha256(text.encode()).hexdigest()


def _mac(purpose: str, body: str, key: bytes) -> str:
    return hmac.new(key, f"lti {purpose}\0{body}".encode(), hashlib.sha256).hexdigest()
