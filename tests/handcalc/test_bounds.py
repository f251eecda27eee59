"""Bad and big input: bounded work, and a mark where something is left out."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from shown import rows

from handcalc import render

SECONDS = 20.0  # far above what any of these takes; without a bound they would take minutes


@pytest.mark.parametrize(
    ("what", "source"),
    [
        ("a sum of 10,000 terms", "y = sum([" + "a, " * 10_000 + "])"),
        ("a chain of 900 operators", "y = " + " + ".join(["a"] * 900)),
        ("parentheses nested 190 deep", "y = " + "(" * 190 + "a" + " + 1)" * 190),
        ("calls nested 190 deep", "y = " + "abs(" * 190 + "a" + ")" * 190),
        ("a power tower of 90", "y = " + "a**" * 89 + "a"),
        ("500 signs", "y = " + "-" * 500 + "a"),
        ("a list of a million", "y = list(range(10**6))"),
        ("an array of a million", "y = big * 2"),
        ("a string of a million characters", "y = 'x' * 10**6"),
        ("a number of a million bits", "y = 2**(10**6)"),
        ("a loop of 100,000 turns", "for i in range(100_000):\n    y = i * a"),
        ("a long name", "y" * 5000 + " = a + 1"),
        ("a long comment", "y = a + 1  # " + "x" * 10_000),
    ],
)
def test_rendering_stays_bounded(what: str, source: str) -> None:
    names: dict[str, Any] = {"a": 1, "big": np.zeros(10**6)}
    start = time.process_time()
    shown = render(source, names)
    assert len(shown.latex) < 200_000
    assert time.process_time() - start < SECONDS


def test_a_source_too_deep_for_python_raises_what_python_raises() -> None:
    source = "y = " + "-" * 100_000 + "a"
    with pytest.raises((RecursionError, MemoryError, SyntaxError)) as plain:
        compile(source, "x", "exec")
    with pytest.raises(plain.type):
        render(source, {"a": 1})


def test_what_is_left_out_is_marked() -> None:
    assert "left out" in rows("y = " + " + ".join(["alpha"] * 400), {"alpha": 1}, max_length=500)[0]
    assert "1000000" in rows("y = list(range(10**6))")[0]
    assert r"1 \times 1000000" in rows("y = a * 2", {"a": np.zeros(10**6)})[0]


def test_the_work_grows_linearly() -> None:
    def seconds(lines: int) -> float:
        source = "\n".join(f"a{i} = {i} * 2.5 + b" for i in range(lines))
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            render(source, {"b": 1.5})
            best = min(best, time.process_time() - start)
        return best

    # Ten times the lines; quadratic work would take a hundred times as long.
    assert seconds(2000) < 40 * seconds(200)
