"""Special functions that run as SciPy's compiled loops, without Python in between."""

from __future__ import annotations

from typing import NamedTuple


class Special(NamedTuple):
    """Name in ``scipy.special`` (and in its Cython interface) and number of arguments."""

    scipy_name: str
    arity: int


SPECIAL_FUNCTIONS: dict[str, Special] = {
    "gamma": Special("gamma", 1),
    "loggamma": Special("gammaln", 1),
    "digamma": Special("psi", 1),
    "beta": Special("beta", 2),
    "besselj": Special("jv", 2),
    "bessely": Special("yv", 2),
    "besseli": Special("iv", 2),
    "besselk": Special("kv", 2),
    "Ei": Special("expi", 1),
    "erfinv": Special("erfinv", 1),
    "elliptic_k": Special("ellipk", 1),
}
