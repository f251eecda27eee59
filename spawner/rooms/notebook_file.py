"""Notebooks as files: read without more work than they need, and written again cell by cell as cells change."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import nbformat as _nbformat
from jupyter_ydoc import YNotebook
from jupyter_ydoc.utils import cast_all
from nbformat.sign import NotebookNotary

nbformat: Any = _nbformat  # nbformat is typed only in parts
Cell = dict[str, Any]
TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")
CELL_TYPES = frozenset({"code", "markdown", "raw"})
NO_CELLS = '"cells": []'


def parse(text: str) -> Any:
    """Return a notebook's content, of whatever version, in format 4 with lines joined.

    What is plainly of format 4 is taken as it is; nbformat reads, converts and repairs the rest. It would validate
    this, too, to write what it finds into a log, at ten times the cost of reading.

    Raises
    ------
    ValueError, KeyError
        It is no notebook.
    """
    content = json.loads(text)
    if not _is_plain(content):
        try:
            return nbformat.reads(text, as_version=4)
        except (AttributeError, TypeError) as error:  # how it fails on JSON that is nothing like a notebook
            raise ValueError(f"it has not the form of a notebook: {error}") from error
    for key in TRANSIENT:
        content["metadata"].pop(key, None)
    for cell in content["cells"]:
        cell["metadata"].pop("trusted", None)
        if isinstance(cell["source"], list):
            cell["source"] = "".join(cell["source"])
        for bundle in cell.get("attachments", {}).values():
            _join_bundle(bundle)
        for output in cell.get("outputs", ()):
            if output["output_type"] in ("execute_result", "display_data"):
                _join_bundle(output.get("data", {}))
            elif isinstance(output.get("text"), list):
                output["text"] = "".join(output["text"])
    return content


def _is_plain(content: Any) -> bool:
    """Return whether a notebook has the form that format 4 gives it, as far as a document depends on it."""
    if not isinstance(content, dict) or content.get("nbformat") != 4 or content.get("nbformat_minor") not in range(6):
        return False
    cells, metadata = content.get("cells"), content.get("metadata")
    if not isinstance(cells, list) or not isinstance(metadata, dict) or not all(map(_is_plain_cell, cells)):
        return False
    ids = {cell.get("id") for cell in cells}
    return content["nbformat_minor"] < 5 or (len(ids) == len(cells) and None not in ids)


def _is_plain_cell(cell: Any) -> bool:
    return (
        isinstance(cell, dict)
        and cell.get("cell_type") in CELL_TYPES
        and isinstance(cell.get("metadata"), dict)
        and isinstance(cell.get("id", ""), str)
        and _is_text(cell.get("source"))
        and isinstance(cell.get("attachments", {}), dict)
        and all(isinstance(bundle, dict) for bundle in cell.get("attachments", {}).values())
        and ("outputs" in cell) == (cell["cell_type"] == "code")
        and isinstance(cell.get("outputs", []), list)
        and all(map(_is_plain_output, cell.get("outputs", ())))
    )


def _is_plain_output(output: Any) -> bool:
    return (
        isinstance(output, dict)
        and isinstance(output.get("output_type"), str)
        and isinstance(output.get("data", {}), dict)
        and (output["output_type"] != "stream" or _is_text(output.get("text")))
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(line, str) for line in value))


def _join_bundle(bundle: Cell) -> None:
    for mime, value in bundle.items():
        is_json = mime.startswith("application/") and (mime == "application/json" or mime.endswith("+json"))
        if not is_json and isinstance(value, list) and _is_text(value):
            bundle[mime] = "".join(value)


class Signer:
    """Marks notebooks whose outputs may run scripts in the browser, with Jupyter's own signatures.

    Parameters
    ----------
    notary
        Whose key and list of signatures are used, on the thread that it belongs to.
    """

    def __init__(self, notary: NotebookNotary) -> None:
        self._notary: Any = notary
        self._signed = ""

    def mark(self, content: Any) -> None:
        """Note in each code cell whether the notebook was signed."""
        trusted = self._notary.store.check_signature(self._signature([_everything(content)]), self._algorithm)
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                cell["metadata"]["trusted"] = trusted

    def is_safe(self, notebook: Any) -> bool:
        """Return whether all outputs are trusted or harmless; takes the notes out of the cells."""
        return bool(self._notary.check_cells(notebook))

    def sign(self, everything: Iterable[bytes]) -> None:
        """Remember that a notebook is trusted."""
        signature = self._signature(everything)
        if signature != self._signed:
            self._notary.store.store_signature(signature, self._algorithm)
            self._signed = signature

    @property
    def _algorithm(self) -> str:
        return str(self._notary.algorithm)

    def _signature(self, everything: Iterable[bytes]) -> str:
        found = hmac.new(self._notary.secret, digestmod=self._notary.digestmod)
        for piece in everything:
            found.update(piece)
        return found.hexdigest()


def _everything(value: object) -> bytes:
    """Return what nbformat signs of a value."""
    pieces: list[str] = []
    _gather(value, pieces)
    return "".join(pieces).encode()


def _gather(value: Any, pieces: list[str]) -> None:
    if isinstance(value, dict):
        for key in sorted(value):
            pieces.append(key)
            _gather(value[key], pieces)
    elif isinstance(value, (list, tuple)):
        for each in value:
            _gather(each, pieces)
    else:
        pieces.append(value if isinstance(value, str) else str(value))


@dataclass(frozen=True)
class Written:
    """A cell as it is in the file.

    Attributes
    ----------
    source
        Its source in the document.
    text
        Its part of the file.
    signed
        Its part of what is signed.
    is_safe
        Whether its outputs are trusted or harmless.
    """

    source: str
    text: bytes
    signed: bytes
    is_safe: bool


class NotebookWriter:
    """Writes a shared notebook as bytes, again and again; only cells that have changed are made anew.

    Parameters
    ----------
    document
        The notebook.
    whole
        Brings a cell into the form that its file has.
    signer
        Signs what is trusted; None to sign nothing.
    """

    def __init__(self, document: YNotebook, whole: Callable[[Cell], None], signer: Signer | None) -> None:
        self._document = document
        self._whole = whole
        self._signer = signer
        self._written: dict[str, Written] = {}
        self._version: tuple[object, ...] = ()
        self._subscription = document.ycells.observe_deep(self._forget_changed)

    def write(self) -> list[bytes]:
        """Return the bytes of the file in pieces, and sign it where that is due."""
        meta = _meta(self._document)
        version = meta["nbformat"], meta["nbformat_minor"]
        if version != self._version:
            self._written, self._version = {}, version
        cells = self._cells(meta)
        rest = nbformat.from_dict({**meta, "cells": []})
        before, no_cells, after = nbformat.v4.writes(rest).partition(NO_CELLS)
        if cells:
            listed = [piece for cell in cells for piece in (b",\n", cell.text)][1:]
            pieces = [f'{before}"cells": [\n'.encode(), *listed, f"\n ]{after}\n".encode()]
        else:
            pieces = [f"{before}{no_cells}{after}\n".encode()]
        if self._signer is not None and all(cell.is_safe for cell in cells):
            signed = _everything(rest)  # begins with the key of the cells, which are none
            self._signer.sign([b"cells", *(cell.signed for cell in cells), signed[len(b"cells") :]])
        return pieces

    def _cells(self, meta: Mapping[str, Any]) -> list[Written]:
        document = self._document
        with document.ydoc.transaction():
            shared = [document.ycells[place] for place in range(document.cell_number)]
            ids = [str(cell.get("id")) for cell in shared]
            if len(set(ids)) == len(ids):
                cells = [self._cell(name, cell, meta) for name, cell in zip(ids, shared, strict=True)]
                self._written = dict(zip(ids, cells, strict=True))
                return cells
        return [self._made(cell, meta) for cell in document.get()["cells"]]  # which tells cells of one id apart

    def _cell(self, name: str, shared: Any, meta: Mapping[str, Any]) -> Written:
        known = self._written.get(name)
        if known is not None and known.source == str(shared["source"]):  # what is typed is looked at in any case
            return known
        return self._made(self._document._cell_to_py(shared, dict(meta)), meta)

    def _made(self, cell: Cell, meta: Mapping[str, Any]) -> Written:
        self._whole(cell)
        node = nbformat.from_dict({**meta, "cells": [cell], "metadata": {}})
        is_safe = self._signer is not None and self._signer.is_safe(node)
        signed = _everything(node.cells[0]) if self._signer is not None else b""
        text: str = nbformat.v4.writes(node)
        alone = text[text.index("[\n") + 2 : text.rindex("\n ],")]
        return Written(cell["source"], alone.encode(), signed, is_safe)

    def _forget_changed(self, events: list[Any]) -> None:
        for event in events:
            if event.path:
                self._written.pop(str(self._document.ycells[event.path[0]].get("id")), None)
                continue
            for change in event.delta:
                for cell in change.get("insert", ()):
                    self._written.pop(str(cell.get("id")), None)


def _meta(document: YNotebook) -> Cell:
    found: Cell = document._ymeta.to_py()
    cast_all(found, float, int)
    metadata = {key: value for key, value in found.get("metadata", {}).items() if key not in TRANSIENT}
    return {"metadata": metadata, **{key: int(found.get(key, 0)) for key in ("nbformat", "nbformat_minor")}}
