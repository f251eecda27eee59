"""Pipelines written in Python: functions say which values a notebook gets; the result is the data of `pipeline.yaml`.

The function of a step is called once, when it is defined, with stand-ins for what will be known later. What it does
with them becomes expressions: `load.files["table.csv"]` is `${steps.load.files['table.csv']}`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pipelines.errors import PipelineFileError
from pipelines.notebook_files import write_text

from .model import Pipeline
from .pipeline_file import read_pipeline

Parameters = Callable[..., Mapping[str, Any] | None]
_KNOWN = ("parameters", "item", "index", "run")
_OPERATORS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "add": "+", "sub": "-", "mul": "*", "truediv": "/"}


class Later:
    """Stands for a value that a run will know: attributes, subscripts, comparisons and arithmetic of it do as well."""

    def __init__(self, expression: str) -> None:
        self._expression = expression

    def __getattr__(self, name: str) -> Later:
        if name.startswith("_"):
            raise AttributeError(name)
        return Later(f"{self._expression}.{name}")

    def __getitem__(self, key: str | int) -> Later:
        return Later(f"{self._expression}[{key!r}]")

    def __str__(self) -> str:
        return f"${{{self._expression}}}"

    def __bool__(self) -> bool:
        raise TypeError(f"{self._expression} is known when the pipeline runs; put the condition into when=")

    def __iter__(self) -> Any:
        raise TypeError(f"{self._expression} is known when the pipeline runs; put it into foreach=")


def later(function: str, *arguments: Any) -> Later:
    """A function of expressions, for example `later("max", train.error)`."""
    return Later(f"{function}({', '.join(_source(argument) for argument in arguments)})")


def _operator(sign: str) -> Callable[[Later, Any], Later]:
    return lambda self, other: Later(f"({self._expression} {sign} {_source(other)})")


for _name, _sign in _OPERATORS.items():
    setattr(Later, f"__{_name}__", _operator(_sign))


@dataclass(frozen=True, slots=True)
class StepDefinition:
    """A function that has become a step by `step`, for `define`.

    Attributes
    ----------
    function
        Returns the notebook's parameters.
    notebook, foreach, when, settings
        As `step` takes them.
    """

    function: Parameters
    notebook: str
    foreach: Callable[..., Any] | Sequence[Any] | str | None = None
    when: Callable[..., Any] | str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


def step(
    notebook: str,
    *,
    foreach: Callable[..., Any] | Sequence[Any] | str | None = None,
    when: Callable[..., Any] | str | None = None,
    **settings: Any,
) -> Callable[[Parameters], StepDefinition]:
    """Make a function a step of the same name, which `define` puts into a pipeline.

    The function's own parameters say what it needs: names of earlier steps, `parameters`, `item`, `index`, `run`.

    Parameters
    ----------
    notebook
        Relative to the file.
    foreach, when
        As in `pipeline.yaml`, or functions of the same kind.
    **settings
        Everything else that a step of `pipeline.yaml` may have.
    """
    return lambda function: StepDefinition(function, notebook, foreach, when, settings)


class Definition:
    """A pipeline that is being defined; made by `define`."""

    def __init__(self, name: str, parameters: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        self.name = name
        self._content: dict[str, Any] = {"name": name, "parameters": dict(parameters), **settings, "steps": {}}

    def step(
        self,
        notebook: str,
        *,
        foreach: Callable[..., Any] | Sequence[Any] | str | None = None,
        when: Callable[..., Any] | str | None = None,
        **settings: Any,
    ) -> Callable[[Parameters], Parameters]:
        """Add the decorated function as a step; see the function `step`."""

        def add(function: Parameters) -> Parameters:
            self.add(StepDefinition(function, notebook, foreach, when, settings))
            return function

        return add

    def add(self, step: StepDefinition) -> None:
        """Add a step after those that it needs.

        Raises
        ------
        PipelineFileError
            If there is one of that name, or none of a name that it needs.
        """
        name = step.function.__name__
        if name in self._content["steps"]:
            raise PipelineFileError([f"{self.name}: there are two steps {name!r}."])
        content: dict[str, Any] = {"notebook": step.notebook, **step.settings}
        for setting, value in (("foreach", step.foreach), ("when", step.when)):
            if value is not None:
                content[setting] = self._bare(self._call(value) if callable(value) else value)
        content["parameters"] = _plain(self._call(step.function) or {})
        needed = [other for other in inspect.signature(step.function).parameters if other not in _KNOWN]
        content["after"] = sorted({*needed, *step.settings.get("after", ())})
        self._content["steps"][name] = content

    def text(self) -> str:
        """The pipeline as `pipeline.yaml` has it."""
        return yaml.safe_dump(self._content, sort_keys=False, allow_unicode=True)

    def save(self, path: Path | str) -> Pipeline:
        """Write the file, which every command takes, and return the pipeline.

        Raises
        ------
        PipelineFileError
            If it is wrong.
        """
        path = Path(path)
        write_text(path, self.text())
        return read_pipeline(path)

    def _call(self, function: Callable[..., Any]) -> Any:
        arguments = {}
        for name in inspect.signature(function).parameters:
            if name not in _KNOWN and name not in self._content["steps"]:
                known = ", ".join([*_KNOWN, *self._content["steps"]])
                raise PipelineFileError([f"{self.name}: there is no step {name!r} yet; known: {known}."])
            arguments[name] = Later(name if name in _KNOWN else f"steps.{name}")
        return function(**arguments)

    def _bare(self, value: Any) -> Any:
        return value._expression if isinstance(value, Later) else list(value) if isinstance(value, tuple) else value


def define(
    name: str, *steps: StepDefinition, parameters: Mapping[str, Any] | None = None, **settings: Any
) -> Definition:
    """Make a pipeline of steps; more are added with its own `step`.

    Parameters
    ----------
    name
        Of the pipeline.
    *steps
        Functions with `@step`, each after those that it needs.
    parameters
        Names and defaults.
    **settings
        `parallel`, `schedule`.
    """
    definition = Definition(name, parameters or {}, settings)
    for one in steps:
        definition.add(one)
    return definition


def _source(value: Any) -> str:
    return value._expression if isinstance(value, Later) else repr(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Later):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
