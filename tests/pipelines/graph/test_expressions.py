"""Expressions: values of steps and parameters, and nothing else of Python."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.graph import ExpressionError
from pipelines.graph.expressions import evaluate, fill, parse, step_names

NAMES = {"parameters": {"n": 3, "name": "wine"}, "steps": {"load": {"rows": [1, 2, 3], "files": {"a.csv": "/x/a.csv"}}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${parameters.n}", 3),
        ("${parameters.n * 2 + 1}", 7),
        ("run of ${parameters.name}, ${parameters.n}", "run of wine, 3"),
        ("${steps.load.rows}", [1, 2, 3]),
        ("${steps['load'].rows[0]}", 1),
        ("${steps.load.files['a.csv']}", "/x/a.csv"),
        ("${len(steps.load.rows) > 2 and parameters.n in [3, 4]}", True),
        ("${{'a': parameters.n}}", {"a": 3}),
        ("${'}' + parameters.name}", "}wine"),
        ("${1 if parameters.n < 2 else -1}", -1),
        ("${steps.load.missing or 2 if False else 0 or parameters.name}", "wine"),
        ("no expression", "no expression"),
        ({"x": ["${parameters.n}", 4]}, {"x": [3, 4]}),
    ],
)
def test_values(text: object, value: object) -> None:
    assert fill(text, NAMES) == value


@pytest.mark.parametrize(
    "source",
    [
        "__import__('os')",
        "open('/etc/passwd')",
        "steps.load.rows.append(1)",
        "[x for x in steps.load.rows]",
        "lambda: 1",
        "2 ** 99",
        "(x := 3)",
        "max(*steps.load.rows)",
        "f'{parameters.n}'",
        "a +",
    ],
)
def test_what_could_run_code_or_never_end_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError):
        parse(source)


@pytest.mark.parametrize("source", ["'x' * 9999999999", "9999999999 * [0]", "'%9999999999d' % 1", "[1] % 2"])
def test_what_would_fill_the_memory_has_no_value(source: str) -> None:
    with pytest.raises(ExpressionError, match="only numbers"):
        evaluate(source, NAMES)


def test_attributes_are_keys_never_python_attributes() -> None:
    with pytest.raises(ExpressionError):
        evaluate("steps.__class__", NAMES)


def test_the_steps_an_expression_needs_are_found() -> None:
    assert step_names({"a": "${steps.x.v + steps['y'].w}", "b": ["text", "${item}"]}) == {"x", "y"}


@given(st.text())
def test_any_text_is_a_value_or_an_expression_error(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        fill("${" + text + "}", NAMES)


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_expressions_is_left_alone(text: str) -> None:
    assert fill(text, NAMES) == text
