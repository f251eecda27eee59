"""One file of a project as safe HTML."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
from pathlib import PurePosixPath

import nbformat
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename  # type: ignore[import-untyped]
from pygments.util import ClassNotFound  # type: ignore[import-untyped]

from courseware import rendering
from hub.errors import InvalidError
from hub.pages.formulas import Formulas

NOTEBOOK_LIMIT_BYTES = 25_000_000
PICTURE_LIMIT_BYTES = 10_000_000
TEXT_LIMIT_BYTES = 1_000_000
TABLE_ROWS = 500
_UNSEEN = re.compile(r"<(script|style)\b[\s\S]*?</\1\s*>", re.I)  # what a browser would not show as text either
_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
_PICTURES |= {".svg": "image/svg+xml", ".webp": "image/webp"}


def limit_bytes(path: str) -> int:
    """Return the size of the largest file of this kind that is shown."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".ipynb":
        return NOTEBOOK_LIMIT_BYTES
    return PICTURE_LIMIT_BYTES if suffix in _PICTURES else TEXT_LIMIT_BYTES


def render_file(path: str, content: bytes) -> str:
    """Return a file's content as safe HTML, by the ending of its name.

    Raises
    ------
    InvalidError
        It is a notebook that cannot be read, or nothing that a browser could show.
    """
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".ipynb":
        return _notebook(path, content)
    if suffix in _PICTURES:
        # As the source of an img element an SVG is a picture: its scripts do not run.
        encoded = base64.b64encode(content).decode()
        return f'<img alt="{html.escape(path)}" src="data:{_PICTURES[suffix]};base64,{encoded}">'
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidError(f"“{path}” is no text, and there is no way to show it here. Download it.") from error
    if "\0" in text:
        raise InvalidError(f"“{path}” is no text, and there is no way to show it here. Download it.")
    if suffix in (".md", ".markdown"):
        formulas = Formulas()
        return formulas.show(rendering.markdown(formulas.hide(text)))
    if suffix in (".csv", ".tsv"):
        return _table(text, "\t" if suffix == ".tsv" else ",")
    return f'<div class="source">{_code(text, path=path)}</div>'


def read_notebook(path: str, content: bytes) -> nbformat.NotebookNode:
    """Return a notebook in today's format.

    Raises
    ------
    InvalidError
        It is not JSON, or not a notebook; the message says where it stops making sense.
    """
    try:
        given = json.loads(content)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidError(
            f"“{path}” is not a notebook: it is not valid JSON{where}. Open it as a text file to repair it, "
            "or go back to an earlier version."
        ) from error
    if not isinstance(given, dict) or not isinstance(given.get("cells", given.get("worksheets")), list):
        raise InvalidError(f"“{path}” is not a notebook: it is JSON, but has no cells.")
    try:
        major = given.get("nbformat", 4)
        notebook = _node(given)
        return notebook if major == 4 else _upgraded(notebook)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidError(f"“{path}” cannot be read as a notebook: {error}.") from error


def _notebook(path: str, content: bytes) -> str:
    notebook = read_notebook(path, content)
    language = str(notebook.get("metadata", {}).get("kernelspec", {}).get("language") or "python")
    formulas = Formulas()
    try:
        cells = [_cell(cell, language, formulas) for cell in notebook.cells]
    except (AttributeError, TypeError, KeyError) as error:
        raise InvalidError(f"“{path}” cannot be read as a notebook: {error}.") from error
    return formulas.show("".join(cells)) or '<p class="note">This notebook has no cells.</p>'


def _cell(cell: nbformat.NotebookNode, language: str, formulas: Formulas) -> str:
    source = _joined(cell.get("source", ""))
    if cell.get("cell_type") == "markdown":
        return f'<div class="cell">{rendering.markdown(formulas.hide(source), cell.get("attachments"))}</div>'
    if cell.get("cell_type") != "code":
        return f'<div class="cell"><pre>{html.escape(source)}</pre></div>'
    count = cell.get("execution_count")
    number = count if isinstance(count, int) else " "
    shown = "".join(f'<div class="output">{_output(one, formulas)}</div>' for one in cell.get("outputs", ()))
    code = f'<div class="source">{_code(source, language=language)}</div>' if source.strip() else ""
    return f'<div class="cell"><p class="prompt">[{number}]</p>{code}{shown}</div>'


def _output(output: nbformat.NotebookNode, formulas: Formulas) -> str:
    plain = _node({key: value for key, value in output.items() if key != "data"})
    if "text" in plain:
        plain["text"] = _joined(plain["text"])
    data = {kind: _joined(value) for kind, value in output.get("data", {}).items()}
    if isinstance(data.get("text/markdown"), str) and not any(kind in data for kind in ("image/png", "text/html")):
        return rendering.markdown(formulas.hide(str(data["text/markdown"])))
    if isinstance(data.get("text/latex"), str) and "image/png" not in data:
        return rendering.sanitize(html.escape(formulas.hide(_bare(str(data["text/latex"])))))
    if "text/html" in data:
        data["text/html"] = _UNSEEN.sub("", data["text/html"])
    if data:
        plain["data"] = _node(data)
    return rendering.output(plain)


def _bare(tex: str) -> str:
    """Return LaTeX as one formula where it is a single one, however it is delimited."""
    text = tex.strip()
    return text if text.startswith(("$", "\\[", "\\(", "\\begin")) or not text else f"$${text}$$"


def _joined(value: object) -> str:
    return "".join(str(part) for part in value) if isinstance(value, list) else str(value)


def _code(text: str, *, path: str = "", language: str = "") -> str:
    try:
        lexer = get_lexer_by_name(language) if language else get_lexer_for_filename(path)
    except ClassNotFound:
        return f"<pre>{html.escape(text)}</pre>"
    shown = highlight(text, lexer, HtmlFormatter(nowrap=True))
    return f"<pre>{shown}</pre>"


def _table(text: str, separator: str) -> str:
    rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    cells = [
        "<tr>" + "".join(f"<{tag}>{html.escape(value)}</{tag}>" for value in row) + "</tr>"
        for tag, part in (("th", rows[:1]), ("td", rows[1 : TABLE_ROWS + 1]))
        for row in part
    ]
    more = len(rows) - 1 - TABLE_ROWS
    note = f'<p class="note">{more} more rows are not shown.</p>' if more > 0 else ""
    return f"<table>{''.join(cells)}</table>{note}"


def _node(given: object) -> nbformat.NotebookNode:
    node: nbformat.NotebookNode = nbformat.from_dict(given)  # type: ignore[no-untyped-call]
    return node


def _upgraded(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    upgraded: nbformat.NotebookNode = nbformat.convert(notebook, 4)  # type: ignore[no-untyped-call]
    return upgraded
