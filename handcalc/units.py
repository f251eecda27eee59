"""Units of measurement as LaTeX, and conversion to a display unit. No unit library is imported."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from handcalc.errors import OptionError
from handcalc.tex import ATOM, NEG, SCALED, SUM, Tex, parenthesised, text

if TYPE_CHECKING:
    from fractions import Fraction

_SYMBOLS = {
    "deg": r"{}^{\circ}",
    "°": r"{}^{\circ}",
    "%": r"\%",
    "Ω": r"\Omega",
    "ohm": r"\Omega",
    "Ohm": r"\Omega",
    "Δ": r"\Delta ",
}
_PARTS = r"°|[µμ]|[ΩΩ]|Δ|[A-Za-z]+|."


def unit_symbol(name: str) -> str:
    """Return one unit's symbol, such as ``kN``, ``µm`` or ``°C``, upright."""
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    pieces = []
    for part in re.findall(_PARTS, name):
        if part in _SYMBOLS:
            pieces.append(_SYMBOLS[part])
        elif part in "µμ":
            pieces.append(r"\mu ")
        elif part in "ΩΩ":
            pieces.append(r"\Omega")
        elif part.isascii() and part.isalpha():
            pieces.append(rf"\mathrm{{{part}}}")
        else:
            pieces.append(text(part))
    return "".join(pieces)


def unit_product(factors: Iterable[tuple[str, object]]) -> str:
    """Return units with their exponents as one upright product: ``kN m``, ``kg/m³``, ``J/(kg K)``, ``s⁻¹``.

    Parameters
    ----------
    factors : iterable of (str, number)
        Symbols and exponents.
    """
    from fractions import Fraction

    above: list[str] = []
    below: list[str] = []
    pairs = [(name, Fraction(str(power)).limit_denominator(1000)) for name, power in factors]
    inverse_only = all(power < 0 for _, power in pairs)
    for name, power in pairs:
        shown = unit_symbol(name)
        if power < 0 and not inverse_only:
            below.append(_raised(shown, -power))
        elif power:
            above.append(_raised(shown, power))
    product = r"\,".join(above)
    if not below:
        return product
    divisor = r"\,".join(below)
    return f"{product}/({divisor})" if len(below) > 1 else f"{product}/{divisor}"


def _raised(shown: str, power: Fraction) -> str:
    if power == 1:
        return shown
    exponent = str(power.numerator) if power.denominator == 1 else f"{power.numerator}/{power.denominator}"
    return f"{{{shown}}}^{{{exponent}}}" if shown.count("{") > 1 else f"{shown}^{{{exponent}}}"


def with_unit(number: Tex, unit: str) -> Tex:
    """Return a number with its unit, a thin space between them."""
    if not unit:
        return number
    shown = parenthesised(number.latex) if number.level <= SUM else number.latex
    tight = unit.startswith(r"{}^{\circ}") and "mathrm" not in unit
    space = "" if tight else r"\,"
    return Tex(f"{shown}{space}{unit}", NEG if number.level == NEG else SCALED, number.array)


def pint_unit(unit: Any) -> str:
    """Return the LaTeX of a `pint` unit."""
    registry = unit._REGISTRY
    return unit_product((_pint_symbol(registry, name), power) for name, power in unit._units.items())


def _pint_symbol(registry: Any, name: str) -> str:
    symbol = str(registry.get_symbol(name))
    return {"Δ°C": "Δ°C", "deg": "deg"}.get(symbol, symbol)


def astropy_unit(unit: Any) -> str:
    """Return the LaTeX of an `astropy.units` unit."""
    scale = getattr(unit, "scale", 1.0)
    bases = getattr(unit, "bases", [unit])
    powers = getattr(unit, "powers", [1])
    if len(bases) == 1 and bases[0] is unit:
        product = unit_symbol(str(unit.name)) if getattr(unit, "name", "") else ""
    else:
        product = unit_product((str(base), power) for base, power in zip(bases, powers, strict=True))
    return product if scale == 1.0 else rf"({scale:g}\,{product})" if product else f"({scale:g})"


def forallpeople_parts(value: Any) -> tuple[float, str]:
    """Return the shown magnitude and the LaTeX unit of a `forallpeople` quantity."""
    shown = f"{value:.17gL}" if not hasattr(value, "_repr_template_") else value._repr_template_("latex", ".17g")
    magnitude, _, unit = shown.strip("$").partition(r"\ ")
    return float(magnitude), unit.replace(r" \cdot ", r"\,").replace(r"\cdot", r"\,").strip()


def converted(value: Any, unit: str) -> Any:
    """Return `value` in another unit.

    Parameters
    ----------
    value : object
        A quantity of pint, astropy or forallpeople.
    unit : str
        The unit's name as that library spells it.

    Raises
    ------
    OptionError
        If the value has no unit or its library cannot convert it.
    """
    convert = getattr(value, "to", None)
    if convert is None:
        raise OptionError(f"unit={unit}: a value of type {type(value).__name__} has no unit to convert")
    try:
        result = convert(unit)
    except Exception as error:
        raise OptionError(f"unit={unit}: {type(error).__name__}: {error}") from error
    if result is None:
        raise OptionError(f"unit={unit}: the value cannot be shown in that unit")
    return result


def bare_unit(latex: str) -> Tex:
    """Return a unit that stands alone."""
    return Tex(latex, ATOM if latex.count("\\mathrm") <= 1 and "^" not in latex else SCALED)
