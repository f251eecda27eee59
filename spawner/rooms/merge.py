"""Bring a shared document to a given content by the smallest edits, so that what others write meanwhile merges."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any
from uuid import uuid4

from jupyter_ydoc import YNotebook
from jupyter_ydoc.ybasedoc import YBaseDoc
from pycrdt import Array, Map, Text

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


def fill(document: YBaseDoc, content: Any) -> None:
    """Put `content`, which is the caller's to give away, into an empty document.

    jupyter-ydoc's own `set` copies every cell and looks for it among those that are there, of which there are none.
    """
    if not isinstance(document, YNotebook) or not content["cells"]:
        document.set(content)
        return
    with document.ydoc.transaction():
        meta: Any = document.ydoc.get("meta", type=Map)
        meta["nbformat"], meta["nbformat_minor"] = content["nbformat"], content["nbformat_minor"]
        metadata = {"language_info": {"name": ""}, "kernelspec": {"name": "", "display_name": ""}}
        meta["metadata"] = Map(metadata | content.get("metadata", {}))
        document.ycells.extend([_shared_cell(document, cell) for cell in content["cells"]])


def _shared_cell(document: YNotebook, given: Any) -> Map[Any]:
    cell = dict(given)
    cell.setdefault("id", str(uuid4()))
    cell["source"] = Text(_text(cell["source"]))
    cell["metadata"] = Map(cell.get("metadata", {}))
    if cell["cell_type"] == "code":
        outputs = [dict(output) for output in cell.get("outputs", [])]
        cell["outputs"] = Array(document._create_youtputs(outputs, copy_outputs=False))
        cell["execution_state"] = "idle"
    elif not cell.get("attachments", True):
        del cell["attachments"]
    return Map(cell)


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
