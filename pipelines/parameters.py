"""The parameters that a notebook declares: read from the source of its tagged cell, never run."""

from __future__ import annotations

import ast
import io
import operator
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from .annotations import Resolved, UnknownTypeError, resolve
from .errors import ParameterCellError

PARAMETERS_TAG = "parameters"


class Unset:
    """Stands for a default that the source alone does not tell."""

    def __repr__(self) -> str:
        return "unset"


UNSET = Unset()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a notebook.

    Attributes
    ----------
    name
        Of the variable.
    type
        What values are checked against; `typing.Any` when neither an annotation nor the default tells.
    type_text
        The type as people read it; empty when unknown.
    default
        The value, or `UNSET` where it is an expression that only running would tell, or where there is none.
    default_text
        Source of the default; empty when there is none.
    help
        Comment on the line of the parameter, or above it.
    required
        Whether the cell gives it no value.
    line
        In the cell, counted from 1.
    """

    name: str
    type: Resolved
    type_text: str
    default: object
    default_text: str
    help: str
    required: bool
    line: int


def language_of(notebook: NotebookNode) -> str:
    """Language of the notebook's kernel, in lower case; Python when the notebook does not say."""
    spec = notebook.metadata.get("kernelspec", {}).get("language")
    return str(spec or notebook.metadata.get("language_info", {}).get("name") or "python").lower()


def parameter_cell(notebook: NotebookNode) -> int | None:
    """Index of the cell tagged `parameters`, or `None`."""
    for index, cell in enumerate(notebook.cells):
        if PARAMETERS_TAG in cell.metadata.get("tags", []):
            return index
    return None


def inspect_notebook(notebook: NotebookNode, name: str = "the notebook") -> tuple[Parameter, ...]:
    """Read the parameters that a Python notebook declares.

    Parameters
    ----------
    notebook
        With or without a cell tagged `parameters`.
    name
        What error messages call it.

    Raises
    ------
    ParameterCellError
        If the cell is not valid Python.
    """
    index = parameter_cell(notebook)
    if index is None:
        return ()
    try:
        return inspect_source(notebook.cells[index].source)
    except SyntaxError as error:
        raise ParameterCellError(
            f"{name}, cell {index + 1}, line {error.lineno}: the parameters cell is not valid Python "
            f"({error.msg}). Correct the cell; nothing was run."
        ) from error


def inspect_source(source: str) -> tuple[Parameter, ...]:
    """Read the parameters from the source of a parameters cell.

    Top-level assignments count: plain, annotated, chained (`a = b = 1`) and of tuples (`a, b = 1, 2`); a later
    one replaces an earlier one of the same name. Magics and shell lines are passed over.

    Raises
    ------
    SyntaxError
        If the source is not valid Python.
    """
    source = _without_magics(source)
    tree = ast.parse(source)
    comments = _comments(source)
    lines = source.splitlines()
    found: dict[str, Parameter] = {}
    for statement in tree.body:
        help_text, type_comment = _help(statement, comments, lines)
        for name, annotation, value in _assignments(statement):
            found.pop(name, None)
            annotation = annotation if annotation is not None else type_comment
            found[name] = _parameter(name, annotation, value, help_text, statement.lineno)
    return tuple(found.values())


def _assignments(statement: ast.stmt) -> Iterator[tuple[str, ast.expr | None, ast.expr | None]]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id, statement.annotation, statement.value
    elif isinstance(statement, ast.Assign):
        for target in statement.targets:
            yield from _targets(target, statement.value)


def _targets(target: ast.expr, value: ast.expr | None) -> Iterator[tuple[str, None, ast.expr | None]]:
    if isinstance(target, ast.Name):
        yield target.id, None, value
    elif isinstance(target, ast.Tuple | ast.List):
        values: list[ast.expr | None] = [None] * len(target.elts)
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            values = list(value.elts)
        for part, part_value in zip(target.elts, values, strict=True):
            for name, annotation, found in _targets(part, part_value):
                # The value is there, only hidden in an expression: the parameter is not a required one.
                yield name, annotation, found if found is not None else value


def _parameter(name: str, annotation: ast.expr | None, value: ast.expr | None, help_text: str, line: int) -> Parameter:
    default = UNSET if value is None else _evaluate(value)
    kind, text = _type(annotation, default)
    default_text = "" if value is None else ast.unparse(value)
    return Parameter(name, kind, text, default, default_text, help_text, value is None, line)


def _type(annotation: ast.expr | None, default: object) -> tuple[Resolved, str]:
    if annotation is not None:
        text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
        try:
            return resolve(annotation), str(text)
        except UnknownTypeError:
            return Any, str(text)
    if isinstance(default, bool):
        return bool, "bool"
    if isinstance(default, int):
        # `rate = 1` does not say that 0.5 is wrong; an annotation `rate: int` does.
        return int | float, "int"
    for kind in (float, str, list, dict, tuple, set):
        if isinstance(default, kind):
            return kind, kind.__name__
    return Any, ""


_OPERATORS: dict[type[ast.operator], Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def _evaluate(node: ast.expr) -> object:
    """Value of a literal or of arithmetic on numbers (`60 * 60`); `UNSET` for everything else."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        pass
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        left, right = _evaluate(node.left), _evaluate(node.right)
        if isinstance(left, int | float) and isinstance(right, int | float):
            try:
                return _OPERATORS[type(node.op)](left, right)
            except (ArithmeticError, ValueError):
                return UNSET
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float" and node.args:
        argument = _evaluate(node.args[0])
        if isinstance(argument, str) and argument.strip("+-").lower() in ("inf", "nan", "infinity"):
            return float(argument)
    return UNSET


def _comments(source: str) -> dict[int, tuple[int, str]]:
    """Line number to column and text of the comment on it."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: (token.start[1], token.string.lstrip("#").strip())
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _help(statement: ast.stmt, comments: dict[int, tuple[int, str]], lines: list[str]) -> tuple[str, ast.expr | None]:
    """Comment at the end of the statement, else that above it; and the type of a `# type:` comment."""
    last = statement.end_lineno or statement.lineno
    text = comments.get(last, comments.get(statement.lineno, (0, "")))[1]
    if text.startswith("type:"):
        kind, _, rest = text.removeprefix("type:").strip().partition(" ")
        try:
            return rest.strip(" #"), ast.parse(kind, mode="eval").body
        except SyntaxError:
            return text, None
    if text:
        return text, None
    above: list[str] = []
    line = statement.lineno - 1
    while line in comments and lines[line - 1].lstrip().startswith("#"):
        above.insert(0, comments[line][1])
        line -= 1
    return " ".join(above), None


def _without_magics(source: str) -> str:
    lines = source.splitlines()
    if lines and lines[0].startswith("%%"):
        lines[0] = ""
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines) + "\n"
