"""Notebooks as bytes: read whatever students send, write what the platform stores."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

import nbformat
from nbformat import NotebookNode
from nbformat.v4.rwbase import rejoin_lines

from courseware.cells import CELL_TYPES
from courseware.errors import FormatError

NOTEBOOK_LIMIT_BYTES = 64 * 1024 * 1024
NBFORMAT_VERSION = 4


def read_notebook(content: bytes, name: str = "notebook") -> NotebookNode:
    """Read a notebook of any version from 2 on, as version 4.

    Outputs are not checked, because grading makes them anew; what grading relies on (cells, their types, sources
    and metadata) is checked here, so that no later step meets a surprise.

    Parameters
    ----------
    content
        The file.
    name
        What to call it in an error.

    Raises
    ------
    FormatError
        It is no notebook.
    """
    if len(content) > NOTEBOOK_LIMIT_BYTES:
        raise FormatError(f"{name} has {len(content)} bytes; a notebook may have {NOTEBOOK_LIMIT_BYTES}")
    try:
        raw = json.loads(content.decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise FormatError(f"{name} is not a notebook: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("nbformat"), int):
        raise FormatError(f"{name} is not a notebook: it has no nbformat number")
    try:
        notebook = node(raw)
        if notebook.nbformat != NBFORMAT_VERSION:
            notebook = nbformat.convert(notebook, NBFORMAT_VERSION)  # type: ignore[no-untyped-call]
        notebook = rejoin_lines(notebook)  # type: ignore[no-untyped-call]
    except Exception as error:
        # nbformat's converters raise whatever a malformed old notebook makes them trip over.
        raise FormatError(f"{name} cannot be read as a notebook: {type(error).__name__}: {error}") from error
    _check_cells(notebook, name)
    return cast(NotebookNode, notebook)


def write_notebook(notebook: NotebookNode) -> bytes:
    """Return the notebook as the bytes of an .ipynb file; it is not validated, which `read_notebook` has done."""
    text = nbformat.v4.writes(notebook)  # type: ignore[no-untyped-call]
    return cast(str, text).encode("utf-8", "replace") + b"\n"


def write_record(notebook: NotebookNode) -> bytes:
    """Return the notebook as an .ipynb file for programs: on one line, sources and outputs as one text each."""
    return json.dumps(notebook, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")


def storable(text: str) -> str:
    """Return a text that every database and every page can hold: without NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def node(content: Mapping[str, object]) -> NotebookNode:
    """Return nested mappings as the objects that nbformat works on."""
    return cast(NotebookNode, nbformat.from_dict(dict(content)))  # type: ignore[no-untyped-call]


def code_cell(source: str) -> NotebookNode:
    """Return a code cell without outputs; not validated, as nothing of it is a stranger's."""
    return node({"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None})


def error_output(name: str, value: str, traceback: Sequence[str]) -> NotebookNode:
    """Return an output of type `error`."""
    return node({"output_type": "error", "ename": name, "evalue": value, "traceback": list(traceback)})


def result_output(text: str) -> NotebookNode:
    """Return an output of type `execute_result` with a text."""
    fields = {"data": {"text/plain": text}, "metadata": {}, "execution_count": None}
    return node({"output_type": "execute_result", **fields})


def clear_outputs(notebook: NotebookNode) -> None:
    """Empty the outputs and prompts of all code cells."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
            for name in ("collapsed", "scrolled"):
                cell.metadata.pop(name, None)


def set_cell_type(cell: NotebookNode, cell_type: str) -> None:
    """Change a cell's type, with the fields that the type has."""
    cell.cell_type = cell_type
    if cell_type == "code":
        cell.outputs = []
        cell.execution_count = None
        cell.pop("attachments", None)
    else:
        cell.pop("outputs", None)
        cell.pop("execution_count", None)


def language_of(notebook: NotebookNode) -> str:
    """Return the language of the notebook's kernel; Python when it does not say."""
    kernelspec = notebook.metadata.get("kernelspec", {})
    language = kernelspec.get("language") or notebook.metadata.get("language_info", {}).get("name")
    return str(language or "python")


def kernel_of(notebook: NotebookNode) -> str:
    """Return the name of the notebook's kernelspec; that of Python when it does not say."""
    return str(notebook.metadata.get("kernelspec", {}).get("name") or "python3")


def _check_cells(notebook: NotebookNode, name: str) -> None:
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not isinstance(notebook.get("metadata", {}), dict):
        raise FormatError(f"{name} has no list of cells")
    notebook.setdefault("metadata", node({}))
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, NotebookNode) or cell.get("cell_type") not in CELL_TYPES:
            raise FormatError(f"cell {number} of {name} has no known type")
        if not isinstance(cell.get("source"), str):
            raise FormatError(f"cell {number} of {name} has no text")
        if not isinstance(cell.setdefault("metadata", node({})), dict):
            raise FormatError(f"the metadata of cell {number} of {name} is not an object")
        if cell.cell_type == "code":
            cell.setdefault("execution_count", None)
            if not isinstance(cell.setdefault("outputs", []), list):
                raise FormatError(f"the outputs of cell {number} of {name} are not a list")
