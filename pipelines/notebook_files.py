"""Read notebooks, also from percent-format Python files; write them without ever leaving half a file."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import cast

import nbformat
from nbformat import NotebookNode

from .errors import NotebookFileError
from .file_access import Opener, open_plainly

LARGEST_NOTEBOOK_BYTES = 512 * 1024**2


def read_notebook(path: Path | str, opener: Opener = open_plainly) -> NotebookNode:
    """Read a notebook (`.ipynb`) or a Python file in percent format (`.py`), upgraded to format 4.5 or later.

    Raises
    ------
    NotebookFileError
        If there is no such file, or it is not a notebook.
    """
    path = Path(path)
    try:
        with opener(path) as file:
            content = file.read(LARGEST_NOTEBOOK_BYTES + 1)
        if len(content) > LARGEST_NOTEBOOK_BYTES:
            raise NotebookFileError(f"{path}: the notebook has more than {LARGEST_NOTEBOOK_BYTES // 1024**2} MiB.")
        text = content.decode("utf-8-sig")
    except FileNotFoundError as error:
        near = ", ".join(sorted(found.name for found in path.parent.glob("*.ipynb"))[:5])
        hint = f" Notebooks in that folder: {near}." if near else ""
        raise NotebookFileError(f"{path}: there is no such notebook.{hint}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise NotebookFileError(f"{path}: the notebook cannot be read ({error}).") from error
    return parse_notebook(text, path)


def parse_notebook(text: str, path: Path) -> NotebookNode:
    """Make a notebook of the content of a file; `path` says which format it is in, and names it in errors.

    Raises
    ------
    NotebookFileError
        If the content is not a notebook.
    """
    if path.suffix == ".py":
        import jupytext  # a third of a second, and few need it

        return _with_ids(cast(NotebookNode, jupytext.reads(text, fmt="py:percent")))
    try:
        notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    except (json.JSONDecodeError, nbformat.reader.NotJSONError) as error:
        cause = error.__cause__ or error.__context__ or error
        where = f", line {cause.lineno}" if isinstance(cause, json.JSONDecodeError) else ""
        raise NotebookFileError(f"{path}{where}: this is not a notebook, because it is not JSON.") from error
    except (nbformat.ValidationError, KeyError, AttributeError, TypeError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise NotebookFileError(f"{path}: this is not a notebook of format 3 or 4 ({first}).") from error
    return _with_ids(notebook)


def write_text(path: Path, text: str) -> None:
    """Write a file so that a reader, also after a crash, finds the old content or the new, never a part.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def notebook_text(notebook: NotebookNode) -> str:
    """The notebook as its file has it; not validated, because it is written once a second while it runs."""
    return str(nbformat.v4.writes_json(notebook)) + "\n"  # type: ignore[no-untyped-call]


def _with_ids(notebook: NotebookNode) -> NotebookNode:
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        notebook = nbformat.v4.upgrade(notebook)  # type: ignore[no-untyped-call]
    return notebook


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
