"""Keep secrets out of what is written: outputs, errors, logs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote

MASK = "••••••"
_SHORTEST_LINE = 6
"""Shorter lines of a secret of several lines (braces, dashes) are no secrets, and would mask ordinary text."""


class Mask:
    """Replaces secrets in text, in the spellings in which they leak: as they are, escaped, quoted, in base64.

    A secret that is printed in pieces, reversed or drawn in an image is not recognised.

    Parameters
    ----------
    secrets
        The values. Each line of a value of several lines is a secret of its own.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings: set[str] = set()
        for secret in secrets:
            lines = secret.splitlines()
            parts = [secret.strip()] if len(lines) < 2 else [line for line in lines if len(line) >= _SHORTEST_LINE]
            for part in parts:
                spellings |= _spellings(part)
        # The longest first, so that no remainder of a longer secret is left when a shorter is a part of it.
        self._spellings = sorted((s for s in spellings if s), key=len, reverse=True)

    def __bool__(self) -> bool:
        return bool(self._spellings)

    def __call__(self, text: str) -> str:
        """Return the text with every secret replaced."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASK)
        return text

    def deep(self, value: object) -> object:
        """The same for every text in lists and dictionaries."""
        if not self._spellings:
            return value
        if isinstance(value, str):
            return self(value)
        if isinstance(value, list | tuple):
            return [self.deep(item) for item in value]
        if isinstance(value, dict):
            return {self(str(key)): self.deep(item) for key, item in value.items()}
        return value


def _spellings(secret: str) -> set[str]:
    """The secret as `repr` and JSON write it, also one within the other, as in a dictionary shown in a record."""
    found = {secret}
    for _nesting in range(3):
        found |= {escaped for spelling in found for escaped in _escaped(spelling)}
    found.add(quote(secret, safe=""))
    if len(secret) >= _SHORTEST_LINE:
        found.add(base64.b64encode(secret.encode()).decode())
    return found


def _escaped(text: str) -> tuple[str, str, str]:
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]
