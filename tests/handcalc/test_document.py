"""Rendering without running, from the results."""

from __future__ import annotations

from typing import Any

import pytest

from handcalc import render_values


def texts(source: str, **names: Any) -> list[str]:
    return render_values(source, names).text.splitlines()


def test_names_get_the_values_of_the_namespace() -> None:
    assert texts("a = 3\nb = a * c  # note", a=3, b=12, c=4) == ["a = 3", "b = a ⋅ c = 3 ⋅ 4 = 12  # note"]


def test_nothing_is_run() -> None:
    def fail() -> int:
        raise AssertionError("was called")

    assert texts("y = f() + o.x + d['k']", y=7, f=fail, o=object(), d={"k": 3}) == [
        "y = f() + o.x + d_(k) = f() + o.x + 3 = 7"
    ]


def test_a_name_that_is_assigned_twice_is_left_as_a_symbol() -> None:
    assert texts("a = b * 2\na = a + 1\nc = a + b", a=7, b=3, c=10) == [
        "a = b ⋅ 2 = 3 ⋅ 2",
        "a ← a + 1",
        "c = a + b = a + 3 = 10",
    ]


def test_control_flow_is_shown_as_it_is_written() -> None:
    shown = texts("if a > 1:\n    b = 2\nc = b + a", a=3, b=2, c=5)
    assert shown == ["if a > 1: b = 2", "c = b + a = b + 3 = 5"]


def test_the_namespace_is_not_changed() -> None:
    names: dict[str, Any] = {"a": 1, "b": 2}
    render_values("a = 1\nb = a + 1", names)
    assert names == {"a": 1, "b": 2}


def test_a_syntax_error_is_pythons_own() -> None:
    with pytest.raises(SyntaxError):
        render_values("a = = 1", {})
