"""Receipts: what was received, when, signed, so that it can be shown in an appeal."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping


def sign(content: Mapping[str, object], key: bytes) -> dict[str, object]:
    """Return the content with a signature: HMAC-SHA256 (RFC 2104) over its canonical JSON."""
    return dict(content) | {"signature": _signature(content, key)}


def is_authentic(receipt: Mapping[str, object], key: bytes) -> bool:
    """Return whether a receipt was signed with the key and not changed since."""
    content = {name: value for name, value in receipt.items() if name != "signature"}
    return hmac.compare_digest(_signature(content, key), str(receipt.get("signature", "")))


def _signature(content: Mapping[str, object], key: bytes) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
