"""Parameters are read from the source of their cell, and values are checked before anything runs."""

from __future__ import annotations

import math
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import (
    UNSET,
    Parameter,
    ParameterCellError,
    ParameterValueError,
    check_texts,
    check_values,
    inspect_notebook,
    inspect_source,
    read_notebook,
)

SOURCE = """\
%matplotlib inline
import os
from typing import Literal
# How fast
# it learns
alpha: float = 0.1
n = 100  # number of trees
solver: Literal["lu", "qr"] = "lu"
sizes: list[int] = [
    1,  # one
    2,
]  # layers
a, b = 1, "x"
c = d = None
limit: int | None = None
seconds = 60 * 60
home = os.environ["HOME"]
must: str
old = 3  # type: float as it was written once
grid: tuple[int, int] = (3, 4)
frame: pd.DataFrame = None
day: "date" = "2026-01-01"
infinite = float("inf")
x.y = 3
"""


def parameters() -> dict[str, Parameter]:
    return {parameter.name: parameter for parameter in inspect_source(SOURCE)}


def test_every_kind_of_assignment_is_found_in_order() -> None:
    assert list(parameters()) == [
        *("alpha", "n", "solver", "sizes", "a", "b", "c", "d", "limit", "seconds", "home", "must", "old", "grid"),
        *("frame", "day", "infinite"),
    ]


def test_defaults_are_values_where_the_source_tells_them() -> None:
    found = parameters()
    assert found["sizes"].default == [1, 2]
    assert (found["a"].default, found["b"].default) == (1, "x")
    assert found["seconds"].default == 3600
    assert found["infinite"].default == math.inf
    assert found["home"].default is UNSET
    assert not found["home"].required


def test_only_a_parameter_without_value_is_required() -> None:
    assert [name for name, parameter in parameters().items() if parameter.required] == ["must"]


def test_comments_are_the_help() -> None:
    found = parameters()
    assert found["alpha"].help == "How fast it learns"
    assert found["n"].help == "number of trees"
    assert found["sizes"].help == "layers"
    assert found["old"].help == "as it was written once"


def test_types_come_from_annotations_then_defaults() -> None:
    found = parameters()
    assert found["solver"].type == Literal["lu", "qr"]
    assert found["old"].type is float
    assert found["frame"].type is Any
    assert found["frame"].type_text == "pd.DataFrame"


def test_a_later_assignment_wins() -> None:
    (parameter,) = inspect_source("x = 1\nx = 'two'\n")
    assert parameter.default == "two"


def test_texts_are_read_by_the_type() -> None:
    texts = {
        "alpha": "1e-3",
        "n": "5",
        "solver": "qr",
        "sizes": "[3, 4]",
        "limit": "null",
        "must": "5",
        "grid": "[1, 2]",
        "day": "2026-02-03",
        "c": "{a: 1}",
        "b": "true",
    }
    assert check_texts(inspect_source(SOURCE), texts) == {
        "alpha": 0.001,
        "n": 5,
        "solver": "qr",
        "sizes": [3, 4],
        "limit": None,
        "must": "5",
        "grid": (1, 2),
        "day": "2026-02-03",
        "c": {"a": 1},
        "b": "true",
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [("alpha", "x"), ("n", "many"), ("solver", "cg"), ("sizes", "[3, q]"), ("limit", "1.5"), ("grid", "[1, 2, 3]")],
)
def test_a_wrong_text_is_named_with_its_type(name: str, text: str) -> None:
    with pytest.raises(ParameterValueError) as raised:
        check_texts(inspect_source(SOURCE), {name: text, "must": "x"})
    assert list(raised.value.problems) == [name]
    assert parameters()[name].type_text in str(raised.value)


@pytest.mark.parametrize(("name", "value"), [("alpha", "0.1"), ("n", "5"), ("sizes", 3), ("must", 5), ("grid", [1])])
def test_a_value_of_another_type_is_refused_not_converted(name: str, value: object) -> None:
    with pytest.raises(ParameterValueError):
        check_values(inspect_source(SOURCE), {"must": "x"} | {name: value})


def test_an_unannotated_integer_takes_a_fraction_and_an_annotated_one_does_not() -> None:
    assert check_values(inspect_source("rate = 1"), {"rate": 0.5}) == {"rate": 0.5}
    with pytest.raises(ParameterValueError):
        check_values(inspect_source("rate: int = 1"), {"rate": 0.5})


def test_an_unknown_name_lists_the_known_ones_and_the_nearest() -> None:
    with pytest.raises(ParameterValueError, match=r"did you mean 'alpha'\?.*known: alpha, n"):
        check_values(inspect_source("alpha = 1\nn = 2"), {"alhpa": 3})


def test_a_missing_required_value_is_an_error_unless_it_may_come_from_elsewhere() -> None:
    with pytest.raises(ParameterValueError, match="'must' has no default"):
        check_values(inspect_source("must: str"), {})
    assert check_texts(inspect_source("must: str"), {}, partial=True) == {}


def test_a_cell_that_does_not_parse_is_named_with_cell_and_line(notebooks) -> None:
    with pytest.raises(ParameterCellError, match=r"bad\.ipynb, cell 1, line 1"):
        inspect_notebook(read_notebook(notebooks / "broken_parameters_cell.ipynb"), "bad.ipynb")


literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(literals)
def test_the_default_is_read_back_for_every_literal(value: object) -> None:
    (parameter,) = inspect_source(f"x = {value!r}\n")
    assert parameter.default == value


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_survives_the_command_line(value: float) -> None:
    assert check_texts(inspect_source("x: float = 0.0"), {"x": repr(value)}) == {"x": float(value)}


@given(st.text())
def test_any_text_survives_the_command_line(value: str) -> None:
    assert check_texts(inspect_source("x: str = ''"), {"x": value}) == {"x": value}
