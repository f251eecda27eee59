"""Parameters of a notebook: papermill's convention, a cell of assignments injected after the tagged one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from .errors import KernelsError

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"


class ParameterError(KernelsError):
    """A parameter has no name or value that can be written in the notebook's language."""


def inject_parameters(notebook: NotebookNode, parameters: Mapping[str, object]) -> NotebookNode:
    """Copy of a notebook with a cell that assigns the parameters.

    The cell replaces one that an earlier run injected; otherwise it follows the cell tagged `parameters`, or
    comes first. Without parameters the copy is unchanged.

    Raises
    ------
    ParameterError
        If parameters cannot be written in the notebook's language, a name is not an identifier, or a value is not
        made of `None`, booleans, numbers, strings, lists,
        tuples and dictionaries.
    """
    result = deepcopy(notebook)
    if not parameters:
        return result
    told = result.metadata.get("language_info", {}).get("name", "python")
    language = str(result.metadata.get("kernelspec", {}).get("language") or told)
    cell = new_code_cell(_source(language, result, parameters), metadata={"tags": [INJECTED_TAG]})  # type: ignore[no-untyped-call]
    if result.nbformat == 4 and result.nbformat_minor < 5:
        cell.pop("id", None)
    injected = _find(result, INJECTED_TAG)
    declared = _find(result, PARAMETERS_TAG)
    if injected is not None:
        result.cells[injected] = cell
    else:
        result.cells.insert(0 if declared is None else declared + 1, cell)
    return result


def python_source(parameters: Mapping[str, object]) -> str:
    """Assignments in Python, one line per parameter, after papermill's heading."""
    lines = ["# Parameters"]
    for name, value in parameters.items():
        if not name.isidentifier():
            raise ParameterError(f"{name!r} is not a name that a parameter can have")
        lines.append(f"{name} = {_literal(name, value)}")
    return "\n".join(lines) + "\n"


def _source(language: str, notebook: NotebookNode, parameters: Mapping[str, object]) -> str:
    if language.lower() == "python":
        return python_source(parameters)
    # papermill knows how to write the values of R, Julia, Scala and more; its import is slow, so it waits.
    from papermill.exceptions import PapermillException
    from papermill.translators import papermill_translators

    kernel = str(notebook.metadata.get("kernelspec", {}).get("name", ""))
    try:
        translator = papermill_translators.find_translator(kernel, language)
    except PapermillException as error:
        raise ParameterError(f"parameters cannot be written in {language!r}: {error}") from error
    return str(translator.codify(dict(parameters)))


def _literal(name: str, value: object) -> str:
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if isinstance(value, list | tuple):
        items = ", ".join(_literal(name, item) for item in value)
        if isinstance(value, list):
            return f"[{items}]"
        return f"({items},)" if len(value) == 1 else f"({items})"
    if isinstance(value, Mapping):
        pairs = (f"{_literal(name, key)}: {_literal(name, item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    raise ParameterError(f"parameter {name!r} has a {type(value).__name__}, which cannot be written into a notebook")


def _find(notebook: NotebookNode, tag: str) -> int | None:
    for index, cell in enumerate(notebook.cells):
        if tag in cell.metadata.get("tags", []):
            return index
    return None
