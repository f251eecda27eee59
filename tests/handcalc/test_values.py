"""How values are written: numbers, containers, units, arrays."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shown import last, result, rows

from handcalc import Options
from handcalc.numerals import Numerals


def number(value: Any, **options: Any) -> str:
    return result("y = +v", {"v": value}, **options)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.3333"),
        (12345.678, "12346"),
        (999999.6, r"1 \times 10^{6}"),
        (1234567.0, r"1.235 \times 10^{6}"),
        (0.001, "0.001"),
        (0.00099996, r"0.001"),
        (0.000123456, r"1.235 \times 10^{-4}"),
        (-2.5e-8, r"-2.5 \times 10^{-8}"),
        (5e-324, r"4.941 \times 10^{-324}"),
        (1.7976931348623157e308, r"1.798 \times 10^{308}"),
        (2.0, "2"),
        (-0.0, "0"),
        (math.inf, r"\infty"),
        (-math.inf, r"-\infty"),
        (math.nan, r"\mathrm{NaN}"),
        (10**20, "100000000000000000000"),
        (-7, "-7"),
        (3 + 4j, r"3 + 4\,\mathrm{i}"),
        (-1j, r"-\mathrm{i}"),
        (2.5 - 1j, r"2.5 - \mathrm{i}"),
        (1e-9 + 1e9j, r"1 \times 10^{-9} + 1 \times 10^{9} \cdot \mathrm{i}"),
        (Fraction(-3, 4), r"-\frac{3}{4}"),
        (Decimal("1.2500"), "1.2500"),
        (np.float32(0.5), "0.5"),
        (np.int64(7), "7"),
        (np.float64(1 / 3), "0.3333"),
    ],
)
def test_numbers_are_shown_with_significant_figures(value: Any, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("value", "options", "shown"),
    [
        (1 / 3, {"rounding": "decimals", "precision": 2}, "0.33"),
        (0.0004, {"rounding": "decimals", "precision": 2}, r"4 \times 10^{-4}"),
        (2.5, {"rounding": "decimals", "precision": 3, "trailing_zeros": True}, "2.500"),
        (12345.678, {"notation": "sci"}, r"1.235 \times 10^{4}"),
        (12345.678, {"notation": "eng"}, r"12.35 \times 10^{3}"),
        (0.00012, {"notation": "eng"}, r"120 \times 10^{-6}"),
        (999999.9, {"notation": "eng", "precision": 3}, r"1 \times 10^{6}"),
        (1.5e12, {"notation": "fixed"}, "1500000000000"),
        (12345.678, {"precision": 7, "decimal_separator": ",", "digit_grouping": "point"}, "12{.}345{,}68"),
        (1234567, {"digit_grouping": "space"}, r"1\,234\,567"),
        (1234, {"digit_grouping": "space"}, "1234"),
        (3 + 4j, {"imaginary_unit": "j"}, r"3 + 4\,\mathrm{j}"),
        (2.0, {"trailing_zeros": True}, "2.000"),
    ],
)
def test_number_options(value: Any, options: dict[str, Any], shown: str) -> None:
    assert number(value, **options) == shown


@given(
    st.floats(allow_nan=False, allow_infinity=False).filter(bool),
    st.integers(0, 17),
    st.sampled_from(["auto", "sci", "eng", "fixed"]),
    st.sampled_from(["significant", "decimals"]),
    st.booleans(),
)
def test_a_number_is_never_shown_as_zero_nor_off_by_more_than_its_last_figure(
    value: float, precision: int, notation: str, rounding: str, zeros: bool
) -> None:
    options = Options(precision=precision, notation=notation, rounding=rounding, trailing_zeros=zeros)
    shown = Numerals(options).real(value).latex
    match = re.fullmatch(r"(-?[\d.]+)(?: \\times 10\^\{(-?\d+)\})?", shown)
    assert match is not None, shown
    read = Decimal(match[1]).scaleb(int(match[2] or 0))
    assert read != 0
    if rounding == "significant" or notation in ("sci", "eng"):
        allowed = Decimal(10) ** (1 - max(precision, 1)) / 2
        assert abs(read - Decimal(value)) <= abs(Decimal(value)) * allowed * Decimal("1.000001")


@pytest.mark.parametrize(
    ("source", "shown"),
    [("a = 1_000_000", r"1\,000\,000"), ("a = 0.50", "0.50"), ("a = 1.23e3", r"1.23 \times 10^{3}"), ("a = 5.", "5")],
)
def test_literals_are_shown_as_their_author_wrote_them(source: str, shown: str) -> None:
    assert result(source) == shown


def test_a_hexadecimal_literal_stays_code() -> None:
    assert rows("a = 0xFF") == [r"a = \texttt{0xFF}"]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("y = 2**a", r"2^{-3}"),
        ("y = a**2", r"\left(-3\right)^{2}"),
        ("y = 2*a", r"2 \cdot \left(-3\right)"),
        ("y = 2 - a", r"2 - \left(-3\right)"),
        ("y = z**2", r"\left(1 + 2\,\mathrm{i}\right)^{2}"),
        ("y = s**2", r"\left(2.5 \times 10^{-8}\right)^{2}"),
        ("y = 3*s", r"3 \cdot 2.5 \times 10^{-8}"),
        ("y = r**2", r"\left(\frac{1}{3}\right)^{2}"),
    ],
)
def test_a_compound_value_gets_parentheses_where_reading_needs_them(source: str, shown: str) -> None:
    from handcalc import render

    names = {"a": -3, "z": 1 + 2j, "s": 2.5e-8, "r": Fraction(1, 3)}
    assert render(source, names).rows[-1].substituted == shown


def test_containers_are_elided_with_their_size() -> None:
    shown = result("y = list(v)", {"v": range(100)}, max_items=3)
    assert shown == "\\left[0,\\ 1,\\ 2,\\ \\ldots\\right]_{(100\\text{\N{NO-BREAK SPACE}entries})}"
    assert "100" in result("y = dict(v)", {"v": {i: i for i in range(100)}}, max_items=3)
    assert result("y = v + v", {"v": np.zeros((50, 40))}, max_items=4).endswith(r"_{50 \times 40}")


def test_a_container_that_holds_itself_ends() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert r"\ldots" in result("y = v", {"v": loop})


def test_a_value_that_cannot_be_looked_at_is_no_reason_to_fail() -> None:
    class Broken:
        def _repr_latex_(self) -> str:
            raise RuntimeError("no")

        def __repr__(self) -> str:
            raise RuntimeError("no")

    assert rows("y = v\nx = 1", {"v": Broken()}) == ["x = 1"]


def pint_names() -> dict[str, Any]:
    import pint

    units = pint.UnitRegistry()
    return {"u": units, "q": 5 * units.kN / units.m, "L": 6.0 * units.m, "t": units.Quantity(20, "degC")}


def astropy_names() -> dict[str, Any]:
    from astropy import units

    return {"u": units, "q": 5 * units.kN / units.m, "L": 6.0 * units.m}


@pytest.mark.parametrize("names", [pint_names, astropy_names], ids=["pint", "astropy"])
def test_quantities_are_upright_with_a_thin_space(names: Any) -> None:
    assert last("M = q * L**2 / 8", names()) == (
        r"M = \frac{q \cdot L^{2}}{8} = \frac{5\,\mathrm{kN}/\mathrm{m} \cdot \left(6\,\mathrm{m}\right)^{2}}{8}"
        r" = 22.5\,\mathrm{kN}\,\mathrm{m}"
    )
    assert last("a = 12.3456789 * u.m / u.s**2", names()) == r"a = 12.3456789\,\mathrm{m}/\mathrm{s}^{2}"
    assert result("x = L / 3  #! unit=mm", names()) == r"2000\,\mathrm{mm}"
    assert last('x = L.to("mm")', names()) == r"x = L = 6\,\mathrm{m} = 6000\,\mathrm{mm}"


def test_a_forallpeople_quantity_keeps_its_own_prefix_and_our_precision() -> None:
    import forallpeople

    forallpeople.environment("default")
    names = {"F": 2500 * forallpeople.N, "L": 1 / 3 * forallpeople.m}
    assert last("p = F / L", names) == (
        r"p = \frac{F}{L} = \frac{2.5\,\mathrm{kN}}{333.3\,\mathrm{mm}} = 7500\,\mathrm{kg}\,\mathrm{s}^{-2}"
    )


def test_a_temperature_and_an_angle() -> None:
    names = pint_names()
    assert result("T = +t", names) == r"20\,{}^{\circ}\mathrm{C}"
    assert result("a = 30 * u.degree + 0 * u.degree", names) == r"30{}^{\circ}"


def test_a_unit_that_does_not_fit_is_an_error_that_says_why() -> None:
    from handcalc import OptionError

    with pytest.raises(OptionError, match="unit=kg"):
        rows("x = L / 3  #! unit=kg", pint_names())
    with pytest.raises(OptionError, match="no unit to convert"):
        rows("x = 3 + 1  #! unit=kg")


def test_an_uncertain_value_is_a_sum_for_its_surroundings() -> None:
    from uncertainties import ufloat

    names = {"a": ufloat(3.14159, 0.02)}
    assert last("y = a**2", names) == r"y = a^{2} = \left(3.142 \pm 0.020\right)^{2} = 9.87 \pm 0.13"


def test_pandas_values_are_elided_tables() -> None:
    import pandas

    frame = pandas.DataFrame({"x_1": [1.5, 2.5], "50%": [3, 4]})
    shown = result("y = f + 0", {"f": frame})
    assert r"\begin{bmatrix}" in shown
    assert r"\text{50}\%" in shown
    assert "1.5 & 3" in shown
    assert "1000" in result("y = s + 0", {"s": pandas.Series(range(1000))})


def test_a_comparison_of_numpy_numbers_is_a_truth_and_of_arrays_an_array() -> None:
    names = {"a": np.float64(1.5), "v": np.array([1.0, 2.0])}
    assert last("a < 2", names) == r"a < 2 \Leftrightarrow 1.5 < 2 \Leftrightarrow \mathrm{true}"
    assert last("v > 1", names) == (
        r"\left(v > 1\right) = \left(\begin{bmatrix} 1 & 2 \end{bmatrix}^{\mathsf{T}} > 1\right)"
        r" = \begin{bmatrix} \mathrm{false} & \mathrm{true} \end{bmatrix}^{\mathsf{T}}"
    )


def test_no_library_is_imported_to_look_at_a_value() -> None:
    import subprocess
    import sys

    script = (
        "import sys\nfrom handcalc import render\n"
        "class Quantity: pass\n"
        "print(render('a = 2.5\\nb = [a, 1j, None]\\nc = Q()', {'Q': Quantity}).text)\n"
        "print({'numpy', 'sympy', 'pint', 'pandas', 'IPython'} & set(sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert printed.strip().endswith("set()")
