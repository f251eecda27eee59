"""Reports: a script or a notebook as a document without its code, to hand in or to file."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from handcalc import markdown
from handcalc import options as options_module
from handcalc.errors import ReportError
from handcalc.execute import Calculation
from handcalc.options import Options
from handcalc.rendering import Rendering

FORMATS = ("html", "pdf", "tex", "md", "typ", "docx")

_PROGRAMS = {
    "typst": ["typst", "compile", "report.typ", "report.pdf"],
    "tectonic": ["tectonic", "report.tex"],
    "lualatex": ["lualatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
    "xelatex": ["xelatex", "-interaction=nonstopmode", "-halt-on-error", "report.tex"],
}
_TYPST = "import typst; typst.compile('report.typ', output='report.pdf')"
_CELL = re.compile(r"^# ?%%(.*)$", re.MULTILINE)
_MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)


class Prose(NamedTuple):
    """Markdown text."""

    source: str


class Output(NamedTuple):
    """What a cell printed."""

    text: str


class Figure(NamedTuple):
    """A plot, as PNG."""

    png: bytes


class Equations(NamedTuple):
    """A rendered calculation."""

    rendering: Rendering


Part = Prose | Output | Figure | Equations


class Cell(NamedTuple):
    """A cell of the source: ``prose``, ``render`` (shown as mathematics) or ``run`` (run, outputs alone are shown)."""

    kind: str
    source: str
    words: tuple[str, ...] = ()
    line: int = 1


class Report(NamedTuple):
    """A document: its title and its parts."""

    title: str
    parts: list[Part]


def export_report(
    source: str | Path,
    output: str | Path,
    *,
    title: str | None = None,
    options: Options | None = None,
    **overrides: object,
) -> Path:
    """Run a script or a notebook and write its calculations as a document without code.

    In a script, ``# %%`` begins a cell and ``# %% [markdown]`` a cell of prose; every cell is rendered. In a notebook,
    the cells that begin with ``%%render`` are rendered; other cells are run, and what they print and plot is shown.

    Parameters
    ----------
    source : str or path
        A ``.py`` or ``.ipynb`` file.
    output : str or path
        The document; its ending chooses the format: ``.html``, ``.pdf``, ``.tex``, ``.md``, ``.typ`` or ``.docx``.
    title : str, optional
        The document's title; the first heading or the file's name when left out.
    options : Options, optional
        How calculations are shown; the session's defaults when left out.
    **overrides
        Single options that differ, by name.

    Returns
    -------
    path
        The document.

    Raises
    ------
    ReportError
        If a format is unknown, a file cannot be read, or PDF is asked for and neither Typst nor LaTeX is installed.
    Exception
        Whatever the source raises.
    """
    source, output = Path(source), Path(output)
    form = output.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise ReportError(f"{output.name}: unknown format {form!r}; formats are {', '.join(FORMATS)}")
    chosen = options_module.merged(options or options_module.get(), overrides)
    report = build(read_cells(source), title or "", chosen, source)
    _write(report, output, form)
    return output


def read_cells(path: Path) -> list[Cell]:
    """Return the cells of a script or a notebook.

    Raises
    ------
    ReportError
        If the file is neither, or cannot be read.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: {error}") from None
    if path.suffix == ".py":
        return _script_cells(content)
    if path.suffix == ".ipynb":
        try:
            return [_notebook_cell(cell) for cell in json.loads(content)["cells"]]
        except (ValueError, KeyError, TypeError) as error:
            raise ReportError(f"{path} is not a notebook: {error!r}") from None
    raise ReportError(f"{path.name}: a report is made from a .py or an .ipynb file")


def _script_cells(content: str) -> list[Cell]:
    cells: list[Cell] = []
    marks = [*_CELL.finditer(content)]
    starts = [(0, "")] + [(mark.end() + 1, mark[1]) for mark in marks]
    ends = [mark.start() for mark in marks] + [len(content)]
    for (start, head), end in zip(starts, ends, strict=True):
        body = content[start:end]
        if "[markdown]" in head or "[md]" in head:
            cells.append(Cell("prose", re.sub(r"^# ?", "", body, flags=re.MULTILINE)))
        elif body.strip():
            cells.append(Cell("render", body, line=content.count("\n", 0, start) + 1))
    return cells


def _notebook_cell(cell: dict[str, Any]) -> Cell:
    source = cell["source"]
    content = source if isinstance(source, str) else "".join(source)
    if cell["cell_type"] != "code":
        return Cell("prose", content)
    first, _, rest = content.lstrip().partition("\n")
    magic, *words = first.split() or [""]
    if magic in ("%%render", "%%tex"):
        return Cell("render", rest, tuple(words))
    return Cell("run", "" if magic.startswith("%%") else _MAGIC.sub("", content))


def build(cells: list[Cell], title: str, options: Options, path: Path) -> Report:
    """Run cells one after the other in one namespace and gather what they show."""
    parts: list[Part] = []
    namespace: dict[str, Any] = {"__name__": "__main__", "__file__": str(path)}
    search = list(sys.path)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        with _without_windows():
            for cell in cells:
                parts.extend(_cell_parts(cell, namespace, options, path))
    finally:
        sys.path[:] = search
    heading = next((line for part in parts if isinstance(part, Prose) for line in part.source.splitlines() if line), "")
    if not title and heading.startswith("# "):
        title = "".join(span.content for span in markdown.spans(heading[2:].strip()))
        index = next(i for i, part in enumerate(parts) if isinstance(part, Prose))
        first = parts[index]
        assert isinstance(first, Prose)
        parts[index] = Prose(first.source.replace(heading, "", 1))
    return Report(title or path.stem, parts)


def _cell_parts(cell: Cell, namespace: dict[str, Any], options: Options, path: Path) -> list[Part]:
    if cell.kind == "prose":
        return [Prose(cell.source)]
    # Lines are counted as in the file, for tracebacks.
    source = "\n" * (cell.line - 1) + cell.source
    parts: list[Part] = []
    printed = io.StringIO()
    rendering = None
    with contextlib.redirect_stdout(printed):
        if cell.kind == "render":
            words = options_module.from_words(list(cell.words))
            rendering = Calculation(source, options_module.merged(options, words), str(path)).run(namespace)
        else:
            exec(compile(source, str(path), "exec"), namespace)  # noqa: S102 - the caller's own notebook
    if printed.getvalue():
        parts.append(Output(printed.getvalue()))
    if rendering is not None and rendering.rows:
        parts.append(Equations(rendering))
    parts.extend(Figure(png) for png in _figures())
    return parts


@contextlib.contextmanager
def _without_windows() -> Iterator[None]:
    """Make matplotlib draw into memory."""
    library = sys.modules.get("matplotlib")
    before = os.environ.get("MPLBACKEND") if library is None else library.get_backend()
    if library is None:
        os.environ["MPLBACKEND"] = "agg"
    else:
        library.use("agg")
    try:
        yield
    finally:
        if library is not None:
            library.use(before)
        elif before is None:
            os.environ.pop("MPLBACKEND", None)
        else:
            os.environ["MPLBACKEND"] = before


def _figures() -> list[bytes]:
    """Return the figures that are open in matplotlib, as PNG, and close them."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return []
    images = []
    for number in pyplot.get_fignums():
        buffer = io.BytesIO()
        pyplot.figure(number).savefig(buffer, format="png", dpi=150, bbox_inches="tight")
        images.append(buffer.getvalue())
    pyplot.close("all")
    return images


def _write(report: Report, output: Path, form: str) -> None:
    from handcalc import report_docx, report_html, report_tex, report_typst

    if form == "html":
        output.write_text(report_html.document(report), encoding="utf-8")
    elif form == "docx":
        output.write_bytes(report_docx.document(report))
    elif form == "pdf":
        _write_pdf(report, output)
    else:
        writer = {"tex": report_tex.document, "md": report_tex.markdown_text, "typ": report_typst.document}[form]
        figures = output.with_name(f"{output.stem}_figures")
        content, images = writer(report, figures.name)
        output.write_text(content, encoding="utf-8")
        _write_images(figures, images)


def _write_images(folder: Path, images: list[bytes]) -> None:
    if images:
        folder.mkdir(exist_ok=True)
    for number, image in enumerate(images, 1):
        (folder / f"figure{number}.png").write_bytes(image)


def _write_pdf(report: Report, output: Path) -> None:
    """Set the report with Typst, as a Python package or as a program, or else with LaTeX."""
    from handcalc import report_tex, report_typst

    program = next((name for name in _PROGRAMS if shutil.which(name)), None)
    package = importlib.util.find_spec("typst") is not None
    if program is None and not package:
        raise ReportError(
            f"{output.name}: PDF needs the Python package typst or one of the programs {', '.join(_PROGRAMS)}; "
            "none is installed. Write .html and print it"
        )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        if package or program == "typst":
            content, images = report_typst.document(report, "figures")
            (work / "report.typ").write_text(content, encoding="utf-8")
        else:
            content, images = report_tex.document(report, "figures")
            (work / "report.tex").write_text(content, encoding="utf-8")
        _write_images(work / "figures", images)
        command = [sys.executable, "-c", _TYPST] if package else _PROGRAMS[program or ""]
        finished = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if finished.returncode or not (work / "report.pdf").exists():
            raise ReportError(f"{command[0]} failed: {(finished.stderr or finished.stdout)[-2000:]}")
        output.write_bytes((work / "report.pdf").read_bytes())
