"""Tests that are written by running the solution: nbgrader's lines `### AUTOTEST x; f(2)` and `### HASHED AUTOTEST`.

The format is nbgrader's ("Automatically generated test code" in its documentation of creating assignments): snippets
behind the word `AUTOTEST`, separated by semicolons, and templates for each type of result in `autotests.yml`. The
solution runs in the grader's sandbox, twice with the same seed: once to learn the type of each snippet, once for the
values that its templates ask for.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from nbformat import NotebookNode

from courseware.autotest_templates import FILE_NAME, AutotestTemplates, templates_for
from courseware.cells import role_of
from courseware.errors import FormatError
from courseware.execution import CellOutcome, Executor, Plan, PlannedCell
from courseware.notebooks import kernel_of, language_of, read_notebook, write_notebook

WORD = "AUTOTEST"
HASHED = "HASHED"
SEED = 1
_COMMENT = "#"
_SALTS = 10**6


@dataclass(frozen=True, slots=True)
class _Part:
    """Lines of a cell that are run as they are, or the snippets of one autotest line."""

    lines: tuple[str, ...] = ()
    snippets: tuple[str, ...] = ()
    is_hashed: bool = False

    @property
    def code(self) -> str:
        """The lines as one text."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class _Check:
    """An expression whose value is asked for, and what to say when a student's differs."""

    expression: str
    message: str


def has_autotests(source: Mapping[str, bytes]) -> bool:
    """Return whether a notebook of an assignment has lines that ask for tests."""
    return any(
        _is_autotest(line)
        for path, content in source.items()
        if path.endswith(".ipynb") and WORD.encode() in content
        for cell in read_notebook(content, path).cells
        if cell.cell_type == "code"
        for line in cell.source.split("\n")
    )


async def instantiate(source: Mapping[str, bytes], executor: Executor) -> dict[str, bytes]:
    """Return an assignment's files with its autotests written out, and without the templates.

    Parameters
    ----------
    source
        The instructor's files; `autotests.yml` among them has the templates, otherwise there are some for Python.
    executor
        Runs the solution.

    Raises
    ------
    FormatError
        The solution or a snippet fails, or the templates cannot be used; names the notebook and the cell.
    """
    files = {path: content for path, content in source.items() if path != FILE_NAME}
    data = {path: content for path, content in files.items() if not path.endswith(".ipynb")}
    for path, content in files.items():
        if not path.endswith(".ipynb") or not has_autotests({path: content}):
            continue
        notebook = read_notebook(content, path)
        try:
            await _instantiate(notebook, source.get(FILE_NAME), data, executor)
        except FormatError as error:
            raise FormatError(f"{path}: {error.detail}") from error
        files[path] = write_notebook(notebook)
    return files


async def _instantiate(
    notebook: NotebookNode, written: bytes | None, data: Mapping[str, bytes], executor: Executor
) -> None:
    if language_of(notebook) != "python":
        raise FormatError(f"{WORD} lines are understood in Python notebooks, not in {language_of(notebook)}")
    kernel = kernel_of(notebook)
    templates = templates_for(written, kernel)
    code = [(number, cell) for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    parts = {number: _parts(cell.source) for number, cell in code}
    for number, cell in code:
        role = role_of(cell)
        if _is_tested(parts[number]) and not (role is not None and role.grade):
            raise FormatError(f"cell {number + 1} has {WORD} lines but is no test; make it one (autograder tests)")

    async def run(asked: Callable[[int], Sequence[Sequence[str]]]) -> Mapping[int, list[list[str]]]:
        return await _values(code, parts, templates, asked, kernel, data, executor)

    types = await run(lambda number: [[templates.dispatch_code(s)] for p in parts[number] for s in p.snippets])
    checks = {
        number: list(_checks(number, cell.source, parts[number], types[number], templates))
        for number, cell in code
        if _is_tested(parts[number])
    }
    values = await run(lambda number: [[c.expression for c in group] for group in checks.get(number, ())])
    for number, cell in code:
        if number in checks:
            cell.source = _written(parts[number], checks[number], values[number], templates)
            _check_syntax(cell.source, number)


def _is_autotest(line: str) -> bool:
    return WORD in line and line.strip().startswith(_COMMENT)


def _is_tested(parts: Sequence[_Part]) -> bool:
    return any(part.snippets for part in parts)


def _parts(source: str) -> list[_Part]:
    found: list[_Part] = []
    lines: list[str] = []
    for line in source.split("\n"):
        if not _is_autotest(line):
            lines.append(line)
            continue
        found.append(_Part(tuple(lines)))
        lines = []
        before, _word, rest = line.partition(WORD)
        snippets = tuple(snippet.strip() for snippet in rest.split(";") if snippet.strip())
        found.append(_Part(snippets=snippets, is_hashed=HASHED in before))
    return [*found, _Part(tuple(lines))]


def _checks(
    number: int, source: str, parts: Sequence[_Part], types: Sequence[Sequence[str]], templates: AutotestTemplates
) -> Iterator[list[_Check]]:
    """Yield the checks of each snippet of a cell; salts follow from the cell, as nbgrader's do, and stay the same."""
    salt = int(hashlib.sha256(f"{source}{number}".encode()).hexdigest(), 16) % _SALTS
    kinds = iter(types)
    for part in parts:
        for snippet in part.snippets:
            salt += part.is_hashed
            given = hex(salt)[2:] if part.is_hashed else None
            yield [_Check(*pair) for pair in templates.checks(snippet, next(kinds)[0], given)]


async def _values(
    code: Sequence[tuple[int, NotebookNode]],
    parts: Mapping[int, Sequence[_Part]],
    templates: AutotestTemplates,
    asked: Callable[[int], Sequence[Sequence[str]]],
    kernel: str,
    data: Mapping[str, bytes],
    executor: Executor,
) -> dict[int, list[list[str]]]:
    """Run the notebook with expressions in place of each snippet; return their values, by cell and snippet."""
    cells: list[PlannedCell] = []
    meant: list[tuple[int, bool, bool]] = []  # cell, whether its value is asked for, whether it may raise

    def add(source: str, number: int, *, is_asked: bool = False, may_raise: bool = False) -> None:
        cells.append(PlannedCell(source))
        meant.append((number, is_asked, may_raise))

    groups = {number: list(asked(number)) for number, _cell in code}
    for number, cell in code:
        may_raise = "raises-exception" in cell.metadata.get("tags", [])
        waiting = iter(groups[number])
        is_set_up = False
        for part in parts[number]:
            if part.code.strip():
                add(part.code, number, may_raise=may_raise)
            if part.snippets and templates.setup and not is_set_up:
                is_set_up = True
                add(templates.setup, number)
            for _snippet in part.snippets:
                for expression in next(waiting):
                    add(expression, number, is_asked=True)
    outcomes = await executor.run(Plan(cells, kernel, data, SEED))
    values = [_value(outcome, cell.source, *what) for outcome, cell, what in zip(outcomes, cells, meant, strict=True)]
    results = iter([value for value, (_number, is_asked, _may) in zip(values, meant, strict=True) if is_asked])
    return {number: [[next(results) for _ in group] for group in found] for number, found in groups.items()}


def _value(outcome: CellOutcome, source: str, number: int, is_asked: bool, may_raise: bool) -> str:
    where = f"cell {number + 1}, {source.strip().splitlines()[-1][:80]!r}"
    if outcome.failure:
        raise FormatError(f"{where}: {outcome.failure}")
    for output in outcome.outputs:
        if output.output_type == "error" and not may_raise:
            raise FormatError(f"{where} raises {output.ename}: {output.evalue}; {WORD} needs a solution that runs")
    shown = [str(o.data.get("text/plain", "")) for o in outcome.outputs if o.output_type == "execute_result"]
    if is_asked and not shown:
        raise FormatError(f"{where} has no value, so that there is nothing to compare with")
    return _inner(shown[-1]) if shown else ""


def _inner(shown: str) -> str:
    """Return what a template puts between triple quotes for a value as it was shown.

    It is what nbgrader writes, the text without the quotes around it, wherever that means the value.
    """
    bare = shown.strip('"').strip("'")
    try:
        value = ast.literal_eval(shown)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return bare
    if not isinstance(value, str):
        return bare
    try:
        if ast.literal_eval(f'"""{bare}"""') == value:
            return bare
    except (ValueError, SyntaxError):
        pass
    escapes = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})
    return value.translate(escapes)


def _written(
    parts: Sequence[_Part],
    checks: Sequence[Sequence[_Check]],
    values: Sequence[Sequence[str]],
    templates: AutotestTemplates,
) -> str:
    """Return the source of a test cell with checks in place of its autotest lines."""
    lines: list[str] = []
    groups = iter(zip(checks, values, strict=True))
    is_set_up = False
    for place, part in enumerate(parts):
        is_autotest = place % 2 == 1
        lines += part.lines
        if is_autotest and templates.setup and not is_set_up:
            is_set_up = True
            lines.append(templates.setup)
        for _snippet in part.snippets:
            for check, value in zip(*next(groups), strict=True):
                lines.append(templates.check_code(check.expression, value, check.message))
            lines.append("")
    return "\n".join([*lines, templates.success] if templates.success else lines)


def _check_syntax(source: str, number: int) -> None:
    try:
        compile(source, "<test>", "exec", dont_inherit=True)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise FormatError(f"cell {number + 1}: the generated test is no Python: {error.msg} in {line!r}") from error
