"""Numbers as LaTeX: significant figures, powers of ten, separators; never zero for what is not zero."""

from __future__ import annotations

import cmath
import math
from typing import TYPE_CHECKING

from handcalc.options import Options
from handcalc.tex import ATOM, FRACTION, NEG, SCALED, SUM, Tex

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

NAN = Tex(r"\mathrm{NaN}")
INFINITY = Tex(r"\infty")
MINUS_INFINITY = Tex(r"-\infty", NEG)

# Whole numbers are exact up to this many digits, and shown as a rounded power of ten beyond.
EXACT_DIGITS = 100
_LOWEST_FIXED_EXPONENT = -3
_HIGHEST_FIXED_EXPONENT = 5
_SEPARATORS = {"none": "", "space": r"\,", "comma": "{,}", "point": "{.}", "apostrophe": "’"}


class Numerals:
    """Writes numbers as one set of options asks for.

    Attributes
    ----------
    rounded : bool
        Set once a number was shown that differs from its value; the caller clears it.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        figures = max(options.precision, 1)
        self._usual_format = f"{{:.{figures}g}}".format
        self._plain = options.decimal_separator == "." and options.digit_grouping == "none"
        self._usual = self._plain and options.notation == "auto" and options.rounding == "significant"
        self._usual = self._usual and not options.trailing_zeros
        self.rounded = False
        # A value is mostly written twice, as the result of one line and inside the next.
        self._known: dict[float, tuple[Tex, bool]] = {}

    def integer(self, value: int) -> Tex:
        """Return a whole number, exact up to `EXACT_DIGITS` digits."""
        if -(10**EXACT_DIGITS) < value < 10**EXACT_DIGITS:
            digits = str(value)
            return Tex(self.layout(digits), NEG if value < 0 else ATOM)
        from decimal import Decimal

        self.rounded = True
        exponent = math.floor(math.log10(abs(value)))
        # Two more figures than are wanted, so that the logarithm's own rounding cannot be off by one.
        scaled = value // 10 ** (exponent - 20)
        return self._scientific(Decimal(scaled) / Decimal(10) ** 20, exponent)

    def _scientific(self, mantissa: Decimal, exponent: int) -> Tex:
        figures = max(self._options.precision, 1)
        text = f"{mantissa:.{figures - 1}e}"
        number, _, shift = text.partition("e")
        return self._powered(self._trimmed(number), exponent + int(shift))

    def real(self, value: float) -> Tex:
        """Return a floating-point number."""
        known = self._known.get(value)
        if known is None:
            before, self.rounded = self.rounded, False
            known = self._known[value] = (self._real(value), self.rounded)
            self.rounded = before
        if known[1]:
            self.rounded = True
        return known[0]

    def _real(self, value: float) -> Tex:
        if value - value != 0:
            if value != value:
                return NAN
            return INFINITY if value > 0 else MINUS_INFINITY
        if value == 0:
            return Tex(self._trimmed(self._zero()))
        if self._usual:
            # The usual options on a number of usual size; format() strips the zeros that fill up the precision.
            usual = self._usual_format(value)
            if "e" not in usual and not usual.startswith(("0.000", "-0.000")):
                self.rounded = float(usual) != value
                return Tex(usual, NEG if value < 0 else ATOM)
        options = self._options
        notation = options.notation
        if notation in ("auto", "fixed"):
            shown = self._fixed(value, notation == "fixed")
            if shown is not None:
                if not self.rounded and float(shown) != value:
                    self.rounded = True
                return Tex(self.layout(self._trimmed(shown)), NEG if value < 0 else ATOM)
        return self._scaled(value)

    def _zero(self) -> str:
        options = self._options
        decimals = options.precision if options.rounding == "decimals" else max(options.precision - 1, 0)
        return f"{0:.{decimals}f}"

    def _fixed(self, value: float, always: bool) -> str | None:
        """Return digits without a power of ten, or None when a power of ten is needed."""
        options = self._options
        if options.rounding == "decimals":
            shown = f"{value:.{options.precision}f}"
            exponent = math.floor(math.log10(abs(value)))
            if float(shown) == 0 or (exponent > _HIGHEST_FIXED_EXPONENT and not always):
                return None
            return shown
        figures = max(options.precision, 1)
        exponent = int(f"{value:.{figures - 1}e}".partition("e")[2])
        if not always and not _LOWEST_FIXED_EXPONENT <= exponent <= _HIGHEST_FIXED_EXPONENT:
            return None
        return f"{value:.{max(0, figures - 1 - exponent)}f}"

    def _scaled(self, value: float) -> Tex:
        options = self._options
        decimals = options.precision if options.rounding == "decimals" else max(options.precision, 1) - 1
        mantissa, _, power = f"{value:.{decimals}e}".partition("e")
        exponent = int(power)
        if options.notation == "eng":
            from decimal import Decimal

            shift = exponent % 3
            exponent -= shift
            # The digits of the rounded mantissa are moved, not divided: division would round a second time.
            moved = Decimal(mantissa).scaleb(shift)
            mantissa = f"{moved:.{max(0, decimals - shift)}f}"
        if not self.rounded and float(f"{mantissa}e{exponent}") != value:
            self.rounded = True
        return self._powered(self._trimmed(mantissa), exponent)

    def _powered(self, mantissa: str, exponent: int) -> Tex:
        shown = self.layout(mantissa)
        negative = mantissa.startswith("-")
        if exponent == 0:
            return Tex(shown, NEG if negative else ATOM)
        return Tex(rf"{shown} \times 10^{{{exponent}}}", NEG if negative else SCALED)

    def _trimmed(self, digits: str) -> str:
        if self._options.trailing_zeros or "." not in digits:
            return digits
        return digits.rstrip("0").rstrip(".")

    def layout(self, digits: str) -> str:
        """Return digits such as ``-1234.5`` with the separators that the options ask for."""
        if self._plain:
            return digits
        whole, point, decimals = digits.partition(".")
        sign = "-" if whole.startswith("-") else ""
        whole = whole.removeprefix("-")
        separator = _SEPARATORS[self._options.digit_grouping]
        if separator and len(whole) > 4:
            head = len(whole) % 3
            groups = ([whole[:head]] if head else []) + [whole[i : i + 3] for i in range(head, len(whole), 3)]
            whole = separator.join(groups)
        if point:
            point = "{,}" if self._options.decimal_separator == "," else "."
        return f"{sign}{whole}{point}{decimals}"

    def complex(self, value: complex) -> Tex:
        """Return a complex number as real + imaginary part; a part that is zero is left out."""
        unit = rf"\mathrm{{{self._options.imaginary_unit}}}"
        if value.imag == 0:
            return self.real(value.real)
        size = abs(value.imag)
        shown = self.real(size)
        if shown.latex == "1" and size == 1:
            imaginary = Tex(unit)
        elif cmath.isinf(value.imag) or cmath.isnan(value.imag) or shown.level != ATOM:
            imaginary = Tex(rf"{shown.latex} \cdot {unit}", SCALED)
        else:
            imaginary = Tex(rf"{shown.latex}\,{unit}", SCALED)
        negative = value.imag < 0
        if value.real == 0:
            return Tex(f"-{imaginary.latex}", NEG) if negative else imaginary
        sign = "-" if negative else "+"
        return Tex(f"{self.real(value.real).latex} {sign} {imaginary.latex}", SUM)

    def fraction(self, value: Fraction) -> Tex:
        """Return an exact fraction."""
        if value.denominator == 1:
            return self.integer(value.numerator)
        sign = "-" if value < 0 else ""
        top = self.integer(abs(value.numerator)).latex
        return Tex(rf"{sign}\frac{{{top}}}{{{self.integer(value.denominator).latex}}}", NEG if sign else FRACTION)

    def decimal(self, value: Decimal) -> Tex:
        """Return a decimal with all its digits."""
        if value.is_nan():
            return NAN
        if value.is_infinite():
            return INFINITY if value > 0 else MINUS_INFINITY
        mantissa, _, power = str(value).partition("E")
        return self._powered(mantissa, int(power or "0"))

    def literal(self, source: str) -> Tex | None:
        """Return a number as the author wrote it, or None when its notation is not decimal (``0xFF``).

        Parameters
        ----------
        source : str
            The literal, for example ``1_000_000``, ``0.50``, ``1.23e3``, ``2j``.
        """
        source = source.lower()
        if source.startswith(("0x", "0o", "0b")):
            return None
        imaginary = source.endswith("j")
        mantissa, _, power = source.removesuffix("j").partition("e")
        whole, point, decimals = mantissa.partition(".")
        if "_" in whole and self._options.digit_grouping == "none":
            shown = whole.replace("_", r"\,")
        else:
            shown = self.layout(whole.replace("_", "") or "0")
        decimals = decimals.replace("_", "")
        if point and decimals:
            shown += ("{,}" if self._options.decimal_separator == "," else ".") + decimals
        level = ATOM
        if power:
            exponent = power.replace("_", "").lstrip("+")
            shown, level = rf"{shown} \times 10^{{{int(exponent)}}}", SCALED
        if imaginary:
            unit = rf"\mathrm{{{self._options.imaginary_unit}}}"
            gap = r" \cdot " if level == SCALED else r"\,"
            shown = unit if shown == "1" else f"{shown}{gap}{unit}"
            level = SCALED
        return Tex(shown, level)
