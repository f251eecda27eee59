"""What is shown, read back by ordinary mathematical conventions, is what Python computed."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readback import UnreadableError, evaluate, read
from readback_cases import Case, close, failures, random_case

NAMES = {"a": 6.0, "b": 4.0, "c": 1.0, "x": 2.0}


@given(st.integers(min_value=0))
@settings(max_examples=300, deadline=None)
def test_random_calculations_read_back_to_what_python_computed(seed: int) -> None:
    assert failures(random_case(random.Random(seed))) == []


def test_the_reader_takes_a_formula_that_lost_its_parentheses_for_another_one() -> None:
    lost = read(r"\frac{a}{\sqrt{b}} \cdot c + x")
    meant = read(r"\frac{a}{\sqrt{b}} \cdot \left(c + x\right)")
    assert evaluate(meant, NAMES) == 6 / 4**0.5 * (1 + 2)
    assert not close(evaluate(lost, NAMES), evaluate(meant, NAMES))


@pytest.mark.parametrize(
    "latex",
    [
        r"a + -b",
        r"a \cdot -b",
        r"\sin\left(a\right)^{2}",
        r"a^{b}^{c}",
        r"\frac{a}{b}^{2}",
        r"a \cdot b \bmod c",
        r"a \bmod b + c",
        r"a b",
        r"-a \bmod b",
        r"a + ",
        r"\left(a + b",
        r"\sin a \cdot b",
        r"1.5 \times 10^{3}^{2}",
        r"\unknown{a}",
    ],
)
def test_what_can_be_taken_in_two_ways_or_in_none_is_unreadable(latex: str) -> None:
    with pytest.raises(UnreadableError):
        evaluate(read(latex), NAMES)


@pytest.mark.parametrize(
    ("latex", "value"),
    [
        (r"-2^{2}", -4),
        (r"\left(-2\right)^{2}", 4),
        (r"2 \cdot 3 + 4", 10),
        (r"10 - 4 - 3", 3),
        (r"2^{3^{2}}", 512),
        (r"\left\lfloor \frac{-7}{2} \right\rfloor", -4),
        (r"\left(-7\right) \bmod 3", 2),
        (r"1.5 \times 10^{3}", 1500),
        (r"\left|-3\right|!", 6),
        (r"\mathrm{e}^{0} + \ln\left(1\right)", 1),
    ],
)
def test_the_reader_knows_the_conventions(latex: str, value: float) -> None:
    assert evaluate(read(latex), {}) == value


def test_a_wrong_rendering_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from handcalc import walker

    monkeypatch.setattr(walker, "PRODUCT", walker.SUM)
    assert failures(Case({"a": 6, "b": 2, "k": 3}, "a - (b - k)")) != []
