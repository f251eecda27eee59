"""Values of scientific libraries as LaTeX, recognised by the names of their types."""

from __future__ import annotations

import sys
from typing import Any

from handcalc import units
from handcalc.tex import APPLIED, ATOM, COMPARE, FRACTION, NEG, POWER, PRODUCT, SCALED, SUM, Tex, text
from handcalc.values import Handler, Values

_NEGATIVE_LEVELS = (SUM, PRODUCT, SCALED, FRACTION)


def _numpy_scalar(values: Values, value: Any, depth: int) -> Tex | None:
    plain = value.item()
    if type(plain) is type(value):  # long double has no exact Python twin
        plain = float(value)
    return values(plain, depth)


def _array(values: Values, value: Any, depth: int) -> Tex | None:
    if value.ndim == 0:
        return values(value.item(), depth)
    if value.ndim > 2 or value.dtype.names:
        shape = r" \times ".join(str(size) for size in value.shape)
        return Tex(rf"{text('array')}_{{{shape}}}", APPLIED, True)
    if value.size == 0:
        return Tex(r"\left[\,\right]", ATOM, True)
    if value.ndim == 2:
        return table(values, value, depth)
    # A vector is a column, so that a matrix times it reads right; written as a transposed row to save height.
    return transposed(table(values, value.reshape(1, -1), depth))


def transposed(tex: Tex) -> Tex:
    """Return the transpose of a matrix."""
    return Tex(rf"{tex.at(ATOM)}^{{\mathsf{{T}}}}", POWER, True)


def table(values: Values, grid: Any, depth: int = 0) -> Tex:
    """Return a two-dimensional array, long rows and columns elided with the shape as a mark."""
    height, width = grid.shape
    limit = values.options.max_items
    rows_shown, rows_cut = _ends(height, limit)
    columns_shown, columns_cut = _ends(width, limit)
    rows: list[list[str]] = []
    for position, i in enumerate(rows_shown):
        entries = [values.shown(grid[i, j], depth) for j in columns_shown]
        if columns_cut:
            entries.insert(len(entries) - 1, r"\cdots")
        if rows_cut and position == len(rows_shown) - 1:
            rows.append([r"\vdots"] * len(entries))
        rows.append(entries)
    hidden = rf"{height} \times {width}" if rows_cut or columns_cut else ""
    return values.rows(rows, hidden)


def _ends(count: int, limit: int) -> tuple[list[int], bool]:
    """Return the indices to show, the last one standing apart when the middle is cut."""
    if count <= limit:
        return list(range(count)), False
    return [*range(limit - 1), count - 1], True


def _quantity(values: Values, value: Any, depth: int) -> Tex | None:
    magnitude = values(value.magnitude, depth)
    return None if magnitude is None else units.with_unit(magnitude, units.pint_unit(value.units))


def _pint_unit(values: Values, value: Any, depth: int) -> Tex | None:
    shown = units.pint_unit(value)
    return units.bare_unit(shown) if shown else Tex("1")


def _astropy_quantity(values: Values, value: Any, depth: int) -> Tex | None:
    magnitude = values(value.value, depth)
    return None if magnitude is None else units.with_unit(magnitude, units.astropy_unit(value.unit))


def _astropy_unit(values: Values, value: Any, depth: int) -> Tex | None:
    shown = units.astropy_unit(value)
    return units.bare_unit(shown) if shown else Tex("1")


def _physical(values: Values, value: Any, depth: int) -> Tex | None:
    magnitude, unit = units.forallpeople_parts(value)
    return units.with_unit(values.numerals.real(magnitude), unit)


def _uncertain(values: Values, value: Any, depth: int) -> Tex | None:
    nominal, deviation = float(value.nominal_value), float(value.std_dev)
    if deviation == 0 or deviation != deviation:
        return values.numerals.real(nominal)
    # The usual rule: the uncertainty with two figures, the value to the same place. `uncertainties` applies it.
    mantissa, _, exponent = f"{value:.2ue}".partition(")e")
    parts = mantissa.lstrip("(").split("+/-")
    if len(parts) != 2 or "n" in mantissa:
        return Tex(rf"{values.numerals.real(nominal).latex} \pm {values.numerals.real(deviation).latex}", SUM)
    power = int(exponent)
    if -3 <= power <= 5:
        parts = f"{value:.2uf}".split("+/-")
        return Tex(rf"{values.numerals.layout(parts[0])} \pm {values.numerals.layout(parts[1])}", SUM)
    both = rf"{values.numerals.layout(parts[0])} \pm {values.numerals.layout(parts[1])}"
    return Tex(rf"\left({both}\right) \times 10^{{{power}}}", SCALED)


def _series(values: Values, value: Any, depth: int) -> Tex | None:
    limit = values.options.max_items
    count = len(value)
    head = value.iloc[: min(count, limit)]
    return values.mapping(zip(head.index, head, strict=True), count, depth)


def _frame(values: Values, value: Any, depth: int) -> Tex | None:
    limit = values.options.max_items
    height, width = value.shape
    corner = value.iloc[: min(height, limit), : min(width, limit)]
    head = [text(str(name)) for name in corner.columns]
    rows = [["", *head]]
    for label, entries in zip(corner.index, corner.itertuples(index=False), strict=True):
        rows.append([text(str(label)), *(values.shown(entry, depth) for entry in entries)])
    hidden = rf"{height} \times {width}" if height > limit or width > limit else ""
    return values.rows(rows, hidden)


def _sympy(values: Values, value: Any, depth: int) -> Tex | None:
    sympy: Any = sys.modules["sympy"]
    if getattr(value, "is_Float", False):
        return values.numerals.real(float(value))
    if getattr(value, "is_Integer", False):
        return values.numerals.integer(int(value))
    latex = sympy.latex(
        value,
        mat_str="bmatrix",
        mat_delim="",
        mul_symbol="dot",
        decimal_separator="comma" if values.options.decimal_separator == "," else "period",
        imaginary_unit="r" + values.options.imaginary_unit,
        full_prec=False,
        ln_notation=True,
    )
    if len(latex) > values.options.max_length:
        return Tex(text(f"an expression of {len(latex)} characters"), APPLIED)
    return Tex(latex, _sympy_level(value, latex))


def _sympy_level(value: Any, latex: str) -> int:
    if getattr(value, "is_Relational", False) or (getattr(value, "is_Boolean", False) and not value.is_Symbol):
        return COMPARE
    if latex.startswith("-"):
        return SUM if getattr(value, "is_Add", False) else NEG
    if getattr(value, "is_Add", False) or getattr(value, "is_MatAdd", False):
        return SUM
    if getattr(value, "is_Symbol", False) or getattr(value, "is_Matrix", False):
        return ATOM
    if getattr(value, "is_Pow", False):
        return POWER
    if getattr(value, "is_Rational", False):
        return FRACTION
    if getattr(value, "is_Mul", False) or getattr(value, "is_MatMul", False):
        return PRODUCT
    if type(value).__name__ in ("Integral", "Sum", "Product", "Limit", "Derivative"):
        return SUM
    return APPLIED


def own_latex(values: Values, value: Any, depth: int) -> Tex | None:
    """Return what an object says of itself through ``_repr_latex_``."""
    shown = value._repr_latex_()
    if not isinstance(shown, str) or len(shown) > values.options.max_length:
        return None
    for left, right in (("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)")):
        if shown.startswith(left) and shown.endswith(right) and len(shown) >= len(left) + len(right):
            inner = shown[len(left) : -len(right)].strip().removeprefix(r"\displaystyle").strip()
            return Tex(inner, SUM)
    return None


HANDLERS: dict[str, Handler] = {
    "fractions.Fraction": lambda values, value, depth: values.numerals.fraction(value),
    "decimal.Decimal": lambda values, value, depth: values.numerals.decimal(value),
    "numpy.generic": _numpy_scalar,
    "numpy.ndarray": _array,
    "pint.Quantity": _quantity,
    "pint.PlainQuantity": _quantity,
    "pint.Unit": _pint_unit,
    "pint.PlainUnit": _pint_unit,
    "astropy.Quantity": _astropy_quantity,
    "astropy.UnitBase": _astropy_unit,
    "forallpeople.Physical": _physical,
    "uncertainties.AffineScalarFunc": _uncertain,
    "pandas.Series": _series,
    "pandas.DataFrame": _frame,
    "sympy.Basic": _sympy,
    "sympy.MatrixBase": _sympy,
}
