"""The file of a run's record: written on a timer while the notebook runs, and at its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from nbformat import NotebookNode

from .masking import Mask
from .notebook_files import notebook_text, write_text

_COST_SHARE = 0.05
"""Saving takes at most this share of the time: a notebook that takes 1 s to write is written every 20 s."""


class RecordFile:
    """Saves a notebook that changes.

    Parameters
    ----------
    notebook
        Changed by the run; read here.
    path
        Where it is written; `None` writes nothing.
    mask
        Replaces secrets in the text before it is written.
    interval_seconds
        Least time between two saves while the run goes on.

    Attributes
    ----------
    changed
        Set it when the notebook has changed.
    saves
        How often it was written.
    """

    def __init__(self, notebook: NotebookNode, path: Path | None, mask: Mask, interval_seconds: float = 1.0) -> None:
        self._notebook = notebook
        self._path = path
        self._mask = mask
        self._interval_seconds = interval_seconds
        self.changed = False
        self.saves = 0

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Save now, then on the timer, and at the end of the context, whatever ends it."""
        self.save()
        timer = asyncio.create_task(self._keep_saving())
        try:
            yield
        finally:
            timer.cancel()
            await asyncio.gather(timer, return_exceptions=True)
            self.save()

    def save(self) -> None:
        """Write the notebook as it is now."""
        self.changed = False
        if self._path is not None:
            write_text(self._path, self.text())
            self.saves += 1

    def text(self) -> str:
        """What is written."""
        return self._mask(notebook_text(self._notebook))

    async def _keep_saving(self) -> None:
        pause = self._interval_seconds
        while True:
            await asyncio.sleep(pause)
            if self.changed:
                began = time.monotonic()
                self.save()
                pause = max(self._interval_seconds, (time.monotonic() - began) / _COST_SHARE)
