"""Large outputs go when no document has shown them for a time, and never before."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc

from spawner.rooms.disk import DiskCopy
from spawner.rooms.execution.collection import collect
from spawner.rooms.execution.large_outputs import REFERENCE, LargeOutputs
from spawner.rooms.execution.output_store import OutputStore
from spawner.rooms.files import FileFormat
from spawner.rooms.store import Edit

MONTH_SECONDS = 30 * 86_400.0


class Project:
    """A notebook with two pictures, open."""

    def __init__(self, folder: Path) -> None:
        self.outputs = OutputStore(folder / "outputs")
        self.stores = folder
        self.path = folder / "a.ipynb"
        cells = [cell(name, "x" * 90_000 + name) for name in ("first", "second")]
        self.path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        self.format = FileFormat("notebook", "json", None, LargeOutputs(self.outputs, "/"))
        self.copy = DiskCopy(self.format, folder / "id-notebook-json.sqlite")
        self.doc: Doc[Any] = Doc()
        self.doc.apply_update(self.copy.open(self.path).state)
        self.copy.sync(self.path, write=False)  # as its room does every second
        self.document: Any = self.format.document(self.doc)

    @property
    def shown(self) -> list[str]:
        outputs = [output for shared in self.document.get()["cells"] for output in shared["outputs"]]
        return [output["data"][REFERENCE]["digest"] for output in outputs]

    def clear(self, place: int) -> None:
        known = self.doc.get_state()
        self.document.ycells[place]["outputs"].clear()
        self.copy.store.append([Edit(time.time(), "ada", self.doc.get_update(known))])

    def collect(self, days: float) -> int:
        return collect(self.outputs, self.stores, MONTH_SECONDS, time.time() + days * 86_400).files

    def has(self, digest: str) -> bool:
        return any(name == digest for name, _ in self.outputs.all())


def cell(name: str, picture: str) -> dict[str, Any]:
    output = {"output_type": "display_data", "data": {"text/html": picture}, "metadata": {}}
    return {
        "id": name,
        "cell_type": "code",
        "source": "",
        "metadata": {},
        "outputs": [output],
        "execution_count": 1,
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_what_a_document_shows_is_kept_however_old(project: Project) -> None:
    first, second = project.shown
    assert project.collect(days=400) == 0
    assert project.has(first)
    assert project.has(second)


def test_what_was_cleared_goes_a_month_after_it_was_seen_for_the_last_time(project: Project) -> None:
    first, second = project.shown
    assert project.collect(days=100) == 0  # which saw both
    project.clear(0)
    assert project.collect(days=129) == 0
    assert project.collect(days=131) == 1
    assert not project.has(first)
    assert project.has(second)
    project.copy.sync(project.path, write=True)
    assert "second" in project.path.read_text()


def test_what_is_shown_again_is_kept(project: Project) -> None:
    first, _ = project.shown
    project.clear(0)
    path = next(path for name, path in project.outputs.all() if name == first)
    os.utime(path, (0, 0))
    project.outputs.put(path.read_bytes())
    assert project.collect(days=1) == 0
    assert project.has(first)


def test_nothing_goes_while_a_document_cannot_be_read(project: Project) -> None:
    project.clear(0)
    broken = project.stores / "broken-notebook-json.sqlite"
    broken.write_bytes(b"no database" * 1000)
    assert project.collect(days=400) == 0
    assert len(list(project.outputs.all())) == 2
    broken.rename(broken.with_name(f"damaged-1-{broken.name}"))  # put aside: no document any more
    assert project.collect(days=400) == 1
