"""Secrets in files of mode 0600, made at first use."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

SECRET_BYTES = 32


def read_or_create(folder: Path, name: str) -> str:
    """Return the secret called `name` (64 hexadecimal digits), making it when there is none yet."""
    return read_or_make(folder, name, lambda: secrets.token_hex(SECRET_BYTES).encode()).decode().strip()


def read_or_make(folder: Path, name: str, make: Callable[[], bytes]) -> bytes:
    """Return the content of a secret file, which `make` gives when there is none yet.

    The file appears with its whole content or not at all, so that two processes that start together agree.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    if not path.exists():
        content = make()
        draft = folder / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its secret counts
        finally:
            draft.unlink()
    return path.read_bytes()
