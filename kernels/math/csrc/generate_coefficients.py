"""Write ``coefficients.h``: near-minimax polynomials for the vector kernels.

Run ``python kernels/math/csrc/generate_coefficients.py`` after changing a range or a degree. Every polynomial is
the Chebyshev fit of mpmath at 200 bits, rounded to double; the interval and the fit's own error stand beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import mpmath as mp

mp.mp.prec = 260


def removable(function: Callable[[mp.mpf], mp.mpf], at_zero: mp.mpf) -> Callable[[mp.mpf], mp.mpf]:
    """The function continued by its limit over its removable singularity at 0."""
    return lambda z: at_zero if abs(z) < mp.mpf(10) ** -24 else function(z)


def odd(function: Callable[[mp.mpf], mp.mpf], cubic: mp.mpf) -> Callable[[mp.mpf], mp.mpf]:
    """``g`` with ``function(x) = x + x**3 * g(x**2)``; ``cubic`` is g(0)."""
    return removable(lambda z: (function(mp.sqrt(z)) - mp.sqrt(z)) / mp.sqrt(z) ** 3, cubic)


def erfc_scaled(t: mp.mpf) -> mp.mpf:
    """``exp(x**2) * erfc(x)`` with ``x = 2.5 * (1 + t) / (1 - t)``."""
    x = mp.mpf("2.5") * (1 + t) / (1 - t)
    return mp.exp(x * x) * mp.erfc(x)


HALF_LN2 = mp.log(2) / 2 * mp.mpf("1.0005")
SQRT_HALF = mp.sqrt(2) / 2
LOG_Z = ((1 - SQRT_HALF) / (1 + SQRT_HALF)) ** 2 * mp.mpf("1.001")
WIDE_Z = mp.mpf("0.04004")  # m in [3/4, 3/2): (1/5)**2 and a little more
QUARTER_PI_SQ = (mp.pi / 4 * mp.mpf("1.0001")) ** 2

POLYNOMIALS: list[tuple[str, Callable[[mp.mpf], mp.mpf], mp.mpf, mp.mpf, int]] = [
    ("EXP", removable(lambda r: (mp.exp(r) - 1 - r) / r**2, mp.mpf(1) / 2), -HALF_LN2, HALF_LN2, 11),
    ("EXP8", removable(lambda r: (mp.exp(r) - 1 - r) / r**2, mp.mpf(1) / 2), -HALF_LN2 / 8, HALF_LN2 / 8, 7),
    ("LOG", removable(lambda z: 2 * (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, mp.mpf(2) / 3), mp.mpf(0), LOG_Z, 8),
    (
        "LOG_WIDE",
        removable(lambda z: 2 * (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z, mp.mpf(2) / 3),
        mp.mpf(0),
        WIDE_Z,
        8,
    ),
    (
        "LOG5",
        removable(lambda z: 2 * (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1 - z / 3) / z**2, mp.mpf(2) / 5),
        mp.mpf(0),
        LOG_Z,
        9,
    ),
    ("SIN", odd(mp.sin, -mp.mpf(1) / 6), mp.mpf(0), QUARTER_PI_SQ, 6),
    (
        "COS",
        removable(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2, mp.mpf(1) / 24),
        mp.mpf(0),
        QUARTER_PI_SQ,
        6,
    ),
    ("ATAN", odd(mp.atan, -mp.mpf(1) / 3), mp.mpf(0), mp.tan(mp.pi / 8) ** 2 * mp.mpf("1.001"), 12),
    ("TANH", odd(mp.tanh, -mp.mpf(1) / 3), mp.mpf(0), mp.mpf("0.4"), 12),
    ("SINH", odd(mp.sinh, mp.mpf(1) / 6), mp.mpf(0), mp.mpf(1), 8),
    ("ERF", removable(lambda z: mp.erf(mp.sqrt(z)) / mp.sqrt(z), 2 / mp.sqrt(mp.pi)), mp.mpf(0), mp.mpf(1), 13),
    ("ERFC", erfc_scaled, (1 - mp.mpf("2.5")) / (1 + mp.mpf("2.5")), (6 - mp.mpf("2.5")) / (6 + mp.mpf("2.5")), 21),
]


def main() -> None:
    """Fit every polynomial and write the header beside this file."""
    lines = ["/* Written by generate_coefficients.py; ascending powers. */", "#pragma once"]
    for name, function, low, high, count in POLYNOMIALS:
        fit, error = mp.chebyfit(function, [low, high], count, error=True)
        lines.append(f"/* {name}: [{mp.nstr(low, 6)}, {mp.nstr(high, 6)}], fit error {mp.nstr(error, 3)} */")
        values = ", ".join(float(c).hex() for c in reversed(fit))
        lines.append(f"static const double {name}_C[{count}] = {{{values}}};")
    powers = [mp.mpf(2) ** (mp.mpf(j) / 8) for j in range(8)]
    lines.append("/* 2^(j/8), and what its rounding left out */")
    for name, table in (("POWER8", powers), ("POWER8_LOW", [p - mp.mpf(float(p)) for p in powers])):
        values = ", ".join(float(p).hex() for p in table)
        lines.append(f"static const double {name}[8] = {{{values}}};")
    Path(__file__).with_name("coefficients.h").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
