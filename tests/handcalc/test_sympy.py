"""SymPy: definitions, values, and symbolic results turned into numbers."""

from __future__ import annotations

from typing import Any

import pytest
import sympy
from shown import last

x, k = sympy.symbols("x k")
NAMES: dict[str, Any] = {"sp": sympy, "sympy": sympy, "x": x, "k": k, "f": x**2 + k, "g": x + k}


DERIVATIVE = r"\frac{\mathrm{d}}{\mathrm{d}x}"
DX = r"\mathrm{d}x"
INTEGRAL = r"\int_{0}^{1}"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("y = g * 2", r"g \cdot 2 = \left(k + x\right) \cdot 2 = 2 \cdot k + 2 \cdot x"),
        ("y = g**2", r"g^{2} = \left(k + x\right)^{2}"),
        ("y = sp.diff(f, x)", rf"{DERIVATIVE} f = {DERIVATIVE} \left(k + x^{{2}}\right) = 2 \cdot x"),
        ("y = x.diff(x, 2)", r"\frac{\mathrm{d}^{2}}{\mathrm{d}x^{2}} x = 0"),
        (
            "y = sp.integrate(f, (x, 0, 1))",
            rf"{INTEGRAL} f \, {DX} = {INTEGRAL} \left(k + x^{{2}}\right) \, {DX} = k + \frac{{1}}{{3}}",
        ),
        ("y = sp.integrate(x, x)", r"\int x \, \mathrm{d}x = \frac{x^{2}}{2}"),
        ("y = sp.limit(sp.sin(x) / x, x, 0)", r"\lim_{x \to 0} \frac{\sin\left(x\right)}{x} = 1"),
        ("y = sp.solve(x**2 - 4, x)", r"\operatorname{solve}\left(x^{2} - 4,\ x\right) = \left[-2,\ 2\right]"),
        ("y = sp.Eq(f, 3)", r"\left(f = 3\right) = \left(k + x^{2} = 3\right)"),
        ("y = f.subs(x, 2)", r"\left.f\right|_{x = 2} = \left.\left(k + x^{2}\right)\right|_{x = 2} = k + 4"),
        ("y = sp.Sum(k, (k, 1, 3)).doit()", r"\sum_{k = 1}^{3} k = 6"),
        ("y = sp.Product(k + 1, (k, 1, 3))", r"\prod_{k=1}^{3} \left(k + 1\right)"),
    ],
)
def test_a_row_shows_the_definition_and_its_value(source: str, shown: str) -> None:
    assert last(source, dict(NAMES)) == f"y = {shown}"


def test_a_matrix_is_set_in_brackets() -> None:
    assert last("M = sp.Matrix([[1, k], [x, 2]])", dict(NAMES)) == r"M = \begin{bmatrix}1 & k\\x & 2\end{bmatrix}"


def test_a_symbolic_result_becomes_a_number_when_values_are_given() -> None:
    assert last("y = f.subs({x: 2, k: 0.5}).evalf()", dict(NAMES)).endswith("= 4.5")


def test_symbols_are_introduced_by_their_value_alone() -> None:
    assert last('z = sp.symbols("zeta")', dict(NAMES)) == r"z = \zeta"
