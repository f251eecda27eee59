"""Notebooks are read, put into documents and written as nbformat and jupyter-ydoc do it, with less work."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jupyter_ydoc import YNotebook
from nbformat.sign import MemorySignatureStore, NotebookNotary
from pycrdt import Doc, Map, Text

from spawner.rooms.encode import notebook_update
from spawner.rooms.errors import DocumentUnreadableError
from spawner.rooms.files import FileFormat
from spawner.rooms.notebook_file import NotebookWriter, Signer, parse

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBER = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
METADATA = st.dictionaries(TEXT.filter(lambda key: key != "trusted"), VALUE, max_size=2)
DATA = st.dictionaries(st.sampled_from(["text/plain", "text/html", "application/json"]), TEXT, max_size=2)
STREAM = st.fixed_dictionaries({"output_type": st.just("stream"), "name": st.just("stdout"), "text": TEXT})
DISPLAY = st.fixed_dictionaries({"output_type": st.just("display_data"), "data": DATA, "metadata": METADATA})
ERROR = st.fixed_dictionaries(
    {"output_type": st.just("error"), "ename": TEXT, "evalue": TEXT, "traceback": st.lists(TEXT, max_size=2)}
)
CODE = {
    "cell_type": st.just("code"),
    "source": TEXT,
    "metadata": METADATA,
    "execution_count": st.none() | st.integers(0, 99),
    "outputs": st.lists(STREAM | DISPLAY | ERROR, max_size=3),
}
MARKDOWN = {"cell_type": st.sampled_from(["markdown", "raw"]), "source": TEXT, "metadata": METADATA}
ATTACHMENTS = {"attachments": st.dictionaries(TEXT, st.just({"image/png": "aGk="}), min_size=1, max_size=2)}
CELL = st.fixed_dictionaries(CODE) | st.fixed_dictionaries(MARKDOWN, optional=ATTACHMENTS)


@st.composite
def notebooks(draw: Any) -> dict[str, Any]:
    cells = draw(st.lists(CELL, min_size=1, max_size=5))
    for place, cell in enumerate(cells):
        cell["id"] = f"cell{place}"
    metadata = draw(st.dictionaries(TEXT.filter(lambda key: key not in ("kernelspec", "signature")), VALUE, max_size=2))
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def shared(content: dict[str, Any]) -> YNotebook:
    document = YNotebook(Doc())
    document.ydoc.apply_update(notebook_update(content))
    return document


def notary() -> NotebookNotary:
    return NotebookNotary(secret=b"secret", store_factory=MemorySignatureStore)


@settings(max_examples=30, deadline=None)
@given(notebooks())
def test_the_document_is_the_one_that_jupyter_ydoc_makes(content: dict[str, Any]) -> None:
    usual = YNotebook(Doc())
    usual.set(copy.deepcopy(content))
    ours = shared(content)
    assert ours.get() == usual.get()
    assert ours.ycells.to_py() == usual.ycells.to_py()
    ours.ycells[0]["source"].insert(0, "typed ")  # letters beyond 16 bits are counted as others count them
    later = YNotebook(Doc())
    later.ydoc.apply_update(ours.ydoc.get_update())
    assert later.get()["cells"][0]["source"] == f"typed {content['cells'][0]['source']}"


@settings(max_examples=30, deadline=None)
@given(notebooks(), st.booleans())
def test_a_file_is_read_as_nbformat_reads_it(content: dict[str, Any], in_lines: bool) -> None:
    text = nbformat.writes(nbformat.from_dict(content)) if in_lines else json.dumps(content)
    assert parse(text) == nbformat.reads(text, as_version=4)


@pytest.mark.parametrize(
    "change",
    [
        {"nbformat_minor": 2},
        {"nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": []}]},
        {"cells": [{"cell_type": "code", "source": "no id", "metadata": {}, "outputs": [], "execution_count": None}]},
    ],
)
def test_what_is_old_or_incomplete_is_read_by_nbformat(change: dict[str, Any]) -> None:
    text = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | change)
    given_ids = {"id": ""}
    expected, found = nbformat.reads(text, as_version=4), parse(text)
    assert [{**cell, **given_ids} for cell in found["cells"]] == [{**cell, **given_ids} for cell in expected["cells"]]


@pytest.mark.parametrize("text", ["[]", "{}", "1", '{"nbformat": 4, "nbformat_minor": 5, "cells": 3, "metadata": {}}'])
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(DocumentUnreadableError, match="cannot be read as notebook"):
        FileFormat("notebook", "json", None).read(text.encode())


STEPS = st.lists(
    st.tuples(st.sampled_from(["type", "print", "note", "add", "delete", "move", "rename", "meta"]), st.integers(0, 9)),
    min_size=1,
    max_size=8,
)


def step(document: YNotebook, what: str, number: int) -> None:
    cells = document.ycells
    place = number % len(cells)
    cell: Any = cells[place]
    if what == "type":
        cell["source"].insert(0, f"{number}\n")
    elif what == "print" and cell["cell_type"] == "code":
        if len(cell["outputs"]) and "text" in cell["outputs"][0]:
            cell["outputs"][0]["text"] = Text(f"{number}\nmore\n")
        cell["outputs"].append(Map({"output_type": "stream", "name": "stdout", "text": Text(f"{number}\n")}))
        cell["execution_count"] = number
    elif what == "note":
        cell["metadata"]["noted"] = number
    elif what == "add":
        made = {"cell_type": "code", "id": f"new{number}", "source": "x", "metadata": {}, "outputs": []}
        cells.insert(place, document.create_ycell(made | {"execution_count": None}))
    elif what == "delete" and len(cells) > 1:
        del cells[place]
    elif what == "move":
        moved = document.create_ycell(cell.to_py() | {"source": f"moved {number}"})
        del cells[place]
        cells.insert(number % (len(cells) + 1), moved)
    elif what == "rename":
        cell["id"] = f"cell{number}"
    elif what == "meta":
        document._ymeta["metadata"]["noted"] = number


@pytest.mark.filterwarnings("ignore:Non-unique cell ID")
@settings(max_examples=30, deadline=None)
@given(notebooks(), st.lists(STEPS, min_size=1, max_size=4))
def test_a_file_that_is_written_again_and_again_is_always_what_nbformat_writes(
    content: dict[str, Any], saves: list[list[tuple[str, int]]]
) -> None:
    here, there = shared(content), YNotebook(Doc())
    there.ydoc.apply_update(here.ydoc.get_update())
    signing = notary()
    writer = NotebookWriter(there, lambda cell: None, Signer(signing))
    for steps in saves:
        before = here.ydoc.get_state()
        with here.ydoc.transaction():
            for what, number in steps:
                step(here, what, number)
        there.ydoc.apply_update(here.ydoc.get_update(before))
        written = b"".join(writer.write()).decode()
        expected = nbformat.from_dict(there.get())
        if signing.check_cells(expected):
            assert signing.check_signature(nbformat.reads(written, as_version=4))
        assert written == nbformat.v4.writes(expected) + "\n"


def test_outputs_that_were_not_trusted_do_not_become_so_by_being_saved(tmp_path: Path) -> None:
    output = {"output_type": "display_data", "data": {"text/html": "<script>alert(1)</script>"}, "metadata": {}}
    cell = {"cell_type": "code", "id": "a", "source": "", "metadata": {}, "outputs": [output], "execution_count": 1}
    foreign = json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    signing = notary()
    known = FileFormat("notebook", "json", signing)
    content: Any = known.read(foreign.encode())
    assert content["cells"][0]["metadata"]["trusted"] is False
    document = shared(content)
    write = known.writer(document)
    document.ycells[0]["source"].insert(0, "typed")
    read_again: Any = known.read(b"".join(write()))
    assert read_again["cells"][0]["metadata"]["trusted"] is False
    document.ycells[0]["metadata"]["trusted"] = True  # it was run
    read_again = known.read(b"".join(write()))
    assert read_again["cells"][0]["metadata"]["trusted"] is True
