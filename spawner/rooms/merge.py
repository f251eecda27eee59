"""Bring a shared document to a given content by the smallest edits, so that what others write meanwhile merges."""

from __future__ import annotations

import contextlib
from difflib import SequenceMatcher
from typing import Any

from jupyter_ydoc import YNotebook
from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import Map

from spawner.rooms.encode import notebook_update

KEPT_KEYS = frozenset({"id", "cell_type", "source", "metadata", "outputs", "execution_state"})


def merge_content(document: YBaseDoc, content: Any) -> None:
    """Change `document` to `content`.

    jupyter-ydoc's own `set` replaces a cell as soon as anything but its text differs, and with the cell everything
    that others type into it at that moment. Here a cell that is in both stays the same shared object.
    """
    if not isinstance(document, YNotebook):
        document.set(content)
        return
    new = content["cells"]
    with document.ydoc.transaction():
        old_keys = [_key(cell.to_py()) for cell in document.ycells]
        matcher = SequenceMatcher(a=old_keys, b=[_key(cell) for cell in new], autojunk=False)
        for tag, i1, i2, j1, j2 in reversed(matcher.get_opcodes()):
            if tag == "equal":
                for old, given in zip(range(i1, i2), new[j1:j2], strict=True):
                    _merge_cell(document, old, given)
            else:
                if i2 > i1:
                    del document.ycells[i1:i2]
                for offset, given in enumerate(new[j1:j2]):
                    document.ycells.insert(i1 + offset, document.create_ycell(given))
        _merge_meta(document, content)


def beginning(document: YBaseDoc, content: Any) -> bytes:
    """Return the update that puts `content` into an empty document; `document` is one to make it with."""
    if isinstance(document, YNotebook) and content["cells"]:
        with contextlib.suppress(ValueError):
            return notebook_update(content)
    document.set(content)
    return document.ydoc.get_update()


def _key(cell: Any) -> tuple[str, str]:
    """Return what a cell is known by in both versions: its id, or its text where files are too old for ids."""
    return cell["cell_type"], cell.get("id") or _text(cell["source"])


def _text(source: Any) -> str:
    return source if isinstance(source, str) else "".join(source)


def _merge_cell(document: YNotebook, index: int, given: Any) -> None:
    cell: Any = document.ycells[index]
    known = cell.to_py()
    if known["source"] != _text(given["source"]):
        document.set_cell(index, source=_text(given["source"]))
    _merge_map(cell["metadata"], known["metadata"], given.get("metadata", {}))
    if "outputs" in given and known.get("outputs") != given["outputs"]:
        outputs: Any = cell["outputs"]
        outputs.clear()
        outputs.extend(document._create_youtputs(given["outputs"]))
    for key in given.keys() - KEPT_KEYS:
        if known.get(key) != given[key]:
            cell[key] = given[key]


def _merge_meta(document: YNotebook, content: Any) -> None:
    meta: Any = document.ydoc.get("meta", type=Map)
    for key in ("nbformat", "nbformat_minor"):
        if meta.get(key) != content[key]:
            meta[key] = content[key]
    known = meta["metadata"].to_py()
    kept = {key: known[key] for key in ("kernelspec", "language_info") if key in known}
    _merge_map(meta["metadata"], known, kept | content.get("metadata", {}))


def _merge_map(shared: Any, known: Any, given: Any) -> None:
    for key in known.keys() - given.keys():
        del shared[key]
    for key, value in given.items():
        if known.get(key) != value:
            shared[key] = value
