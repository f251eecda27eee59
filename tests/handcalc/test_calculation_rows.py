"""What the rows of a calculation say."""

from __future__ import annotations

from typing import Any

import pytest
from shown import rows

from handcalc import Rendering, render


def test_a_formula_is_followed_by_its_values_and_its_result() -> None:
    assert rows("a = 3\nb = 4\nc = a + b") == ["a = 3", "b = 4", "c = a + b = 3 + 4 = 7"]


def test_reassignment_shows_the_value_that_was_read_and_is_no_equation() -> None:
    assert rows("a = 5\na = a*2\na = a*2") == [
        "a = 5",
        r"a \leftarrow a \cdot 2 = 5 \cdot 2 = 10",
        r"a \leftarrow a \cdot 2 = 10 \cdot 2 = 20",
    ]


def test_a_quotient_with_a_root_keeps_the_parentheses_of_the_next_factor() -> None:
    source = "from math import sqrt\na, b, c, x = 6, 4.0, 1, 2\ny = a / sqrt(b) * (c + x)"
    assert rows(source)[-1] == (
        r"y = \frac{a}{\sqrt{b}} \cdot \left(c + x\right) = \frac{6}{\sqrt{4}} \cdot \left(1 + 2\right) = 9"
    )


def test_the_namespace_changes_exactly_as_by_plain_execution() -> None:
    source = "import math\na = 1\nfor i in range(3):\n    a += i\ndel i\nb = [a, math.pi]"
    rendered: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    render(source, rendered)
    exec(source, plain)
    plain.pop("__builtins__")
    rendered.pop("__builtins__")
    assert rendered == plain


def test_annotations_are_kept_as_by_plain_execution() -> None:
    namespace: dict[str, Any] = {}
    render("x: int = 5", namespace)
    assert namespace["__annotations__"] == {"x": int}


@pytest.mark.parametrize("rest", ["", "\nz = 1"], ids=["alone", "with another line"])
def test_an_assignment_shows_the_values_from_before_it_ran(rest: str) -> None:
    def spoil() -> int:
        namespace["a"] = 100
        return 1

    namespace: dict[str, Any] = {"a": 2, "spoil": spoil}
    row = render(f"a = a + 3 * a  # twice{rest}", namespace).rows[0]
    assert (row.relation, row.substituted, row.result, row.note) == (r"\leftarrow", r"2 + 3 \cdot 2", "8", "twice")
    row = render(f"y = a * spoil(){rest}", namespace).rows[0]
    assert (row.substituted, row.result, namespace["a"]) == (r"8 \cdot 1", "8", 100)


def test_an_assignment_of_its_own_leaves_its_row_out_when_it_fails() -> None:
    namespace: dict[str, Any] = {"a": 2}
    with pytest.raises(ZeroDivisionError):
        render("y = a / 0", namespace)
    assert "y" not in namespace
    assert not [name for name in namespace if name.startswith("__handcalc")]


def test_a_loop_that_adds_up_is_a_sum() -> None:
    assert rows("s = 0\nfor k in range(1, 5):\n    s += k**2")[-1] == r"s = \sum_{k = 1}^{4} k^{2} = 30"


def test_an_exception_passes_through_and_leaves_no_trace_in_the_namespace() -> None:
    namespace: dict[str, Any] = {}
    with pytest.raises(ZeroDivisionError):
        render("a = 1\nb = a / 0", namespace)
    assert set(namespace) == {"__builtins__", "a"}


def test_the_rendering_is_one_display_block() -> None:
    shown = render("a = 1\nb = a + 1")
    assert isinstance(shown, Rendering)
    assert shown.latex.startswith("\\[\n\\begin{aligned}")
    assert shown.latex.endswith("\\end{aligned}\n\\]")
