"""Branches, loops and the rest of Python: shown as it ran, run as usual."""

from __future__ import annotations

from typing import Any

import pytest
from shown import rows, texts

from handcalc import render


def test_only_the_branch_that_was_taken_is_shown_with_the_condition_that_decided() -> None:
    source = "if a > 10:\n    y = 1\nelif a > 2 and b:\n    y = 2 * a\nelse:\n    y = 3"
    assert texts(source, {"a": 5, "b": True}) == [
        "Since a > 10 is false (5 > 10 is false):",
        "Since a > 2 ∧ b (5 > 2 ∧ true):",
        "y = 2 ⋅ a = 2 ⋅ 5 = 10",
    ]


def test_a_condition_is_not_evaluated_twice() -> None:
    calls: list[int] = []

    class Flag:
        def __bool__(self) -> bool:
            calls.append(1)
            return True

    render("if f:\n    y = 1\nwhile f and len(c) < 4:\n    pass", {"f": Flag(), "c": calls})
    assert len(calls) == 4


def test_loops_show_their_turns_up_to_the_limit_and_say_what_is_left_out() -> None:
    shown = texts("p = 1\nfor i in range(1, 7):\n    p = 2 * p + i", loop_limit=2)
    assert shown == [
        "p = 1",
        "for i = 1:",
        "p ← 2 ⋅ p + i = 2 ⋅ 1 + 1 = 3",
        "for i = 2:",
        "p ← 2 ⋅ p + i = 2 ⋅ 3 + 2 = 8",
        "4 further turns of the loop not shown",
        "p = 184  # after the loop",
    ]


def test_nested_loops_keep_their_own_limits() -> None:
    shown = texts("for i in range(2):\n    for j in range(3):\n        y = i * j", loop_limit=2)
    assert shown.count("1 further turn of the loop not shown") == 2
    assert "y = i ⋅ j = 1 ⋅ 1 = 1" in shown


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("for k in range(1, n + 1):\n    s += k**2", r"s = \sum_{k = 1}^{n} k^{2} = \sum_{k = 1}^{5} k^{2} = 55"),
        ("for k in range(n):\n    s += k + 1", r"s = \sum_{k = 0}^{n - 1} \left(k + 1\right)"),
        ("for v in xs:\n    s += v", r"s = \sum_{v \in \mathit{xs}} v = \sum_{v \in \left[1,\ 2\right]} v = 3"),
        ("for k in range(1, 4):\n    p *= k", r"p = \prod_{k = 1}^{3} k = 6"),
        ("for k in range(1, 4):\n    r *= k", r"r \leftarrow r \cdot \prod_{k = 1}^{3} k = 5 \cdot \prod_{k = 1}^{3}"),
        ("for k in range(3):\n    r += k", r"r \leftarrow r + \sum_{k = 0}^{2} k = 5 + \sum_{k = 0}^{2} k = 8"),
    ],
)
def test_a_loop_that_is_a_sum_or_a_product_is_shown_as_one(source: str, shown: str) -> None:
    assert rows(source, {"s": 0, "p": 1, "r": 5, "n": 5, "xs": [1, 2]})[-1].startswith(shown)


@pytest.mark.parametrize(
    "source",
    [
        "for k in range(3):\n    xs += [k]",
        "for k in range(3):\n    s += s * k",
        "for k in range(3):\n    s += f(k)",
        "for k in range(3):\n    s += k\nelse:\n    pass",
        "for s in range(3):\n    s += 1",
    ],
)
def test_a_loop_that_only_looks_like_a_sum_shows_its_turns(source: str) -> None:
    shown = rows(source, {"s": 1, "xs": [], "f": lambda k: k})
    assert not any(r"\sum" in row for row in shown)


def test_break_continue_and_else_run_as_usual() -> None:
    source = """
found = []
for i in range(10):
    if i % 2:
        continue
    found.append(i)
    if i > 5:
        break
else:
    found.append("never")
while True:
    i += 1
    if i > 8:
        break
"""
    names: dict[str, Any] = {}
    render(source, names)
    assert names["found"] == [0, 2, 4, 6]
    assert names["i"] == 9


def test_everything_else_runs_as_usual() -> None:
    source = """
from __future__ import annotations
import contextlib, math as m
class Beam:
    '''A beam.'''
    length: float = 2.0
    def load(self, q): return q * self.length
def f(n, *rest, k=2, **more):
    global calls
    calls += 1
    return n * k if n < 2 else f(n - 1) + n
calls = 0
with contextlib.suppress(ZeroDivisionError) as c, open("/dev/null") as null:
    y = f(3)
    z = 1 / 0
try:
    raise ValueError("x")
except ValueError as error:
    w = str(error)
else:
    w = 0
finally:
    v = 1
match v:
    case 1:
        matched = v + 1
del v
b = Beam().load(q=3)
g = list(i for i in range(3) if (j := i))
lam = lambda a, *, b=1: a + b
assert b == 6, "message"
a, (b2, *c2), d = 1, (2, 3, 4), 5
x = y2 = {**{"k": 1}}
x["k"] += 1
x["l"]: int = 3
unused: int
text = f"{b:>5}" "joined"
"""
    rendered: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    exec(source, plain)
    render(source, rendered)
    assert set(rendered) == set(plain)
    for name in ("y", "w", "matched", "b", "g", "j", "a", "b2", "c2", "d", "x", "text", "calls"):
        if name in plain:
            assert rendered[name] == plain[name], name


def test_generators_and_async_functions_in_a_cell_run_as_usual() -> None:
    names: dict[str, Any] = {}
    source = "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 3\nr = asyncio.run(f())\n"
    render(source + "def g():\n    yield 1\nl = [*g()]", names)
    assert (names["r"], names["l"]) == (3, [1])


def test_an_exception_has_the_line_of_the_source() -> None:
    with pytest.raises(ZeroDivisionError) as raised:
        render("a = 1\n\nfor i in range(3):\n    b = a / (i - 1)  # fails in the second turn\n")
    assert raised.traceback[-1].lineno == 3  # counted from 0


def test_a_syntax_error_is_pythons_own_with_its_line() -> None:
    with pytest.raises(SyntaxError) as raised:
        render("a = 1\nb = = 2\n")
    assert raised.value.lineno == 2


def test_a_value_is_shown_as_it_was_when_the_line_ran() -> None:
    names: dict[str, Any] = {"xs": [3, 1, 2]}
    shown = rows("a = xs + [xs.pop()]\nxs.sort()\nb = len(xs) + xs[0]", names)
    # The list is read before the call and added to after it: no one value can stand for it in the formula.
    call = r"\mathit{xs}.\operatorname{pop}\left(\right)"
    assert shown[0] == rf"a = \mathit{{xs}} + \left[{call}\right] = \left[3,\ 1,\ 2\right]"
    assert shown[-1] == r"b = \operatorname{len}\left(\mathit{xs}\right) + \mathit{xs}_{0} = " + (
        r"\operatorname{len}\left(\left[1,\ 3\right]\right) + 1 = 3"
    )


def test_nothing_global_is_changed() -> None:
    import sys
    import warnings

    before = (sys.getrecursionlimit(), list(warnings.filters), sys.getswitchinterval(), sys.gettrace())
    render("a = 1\nfor i in range(20):\n    a = a * 2 + i")
    assert (sys.getrecursionlimit(), list(warnings.filters), sys.getswitchinterval(), sys.gettrace()) == before
