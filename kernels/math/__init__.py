"""Compiled mathematics: formulas as register programs, and compiled routines on NumPy arrays.

Submodules load on first use: ``ode``, ``quadrature``, ``dynamics``, ``sampling``, ``primes``, ``modlinalg``,
``exact``, ``combinat``.
"""

from importlib import import_module

_HOME = {
    "FastCallable": "callables",
    "available_levels": "callables",
    "fast_callable": "callables",
    "isa_level": "callables",
    "lambdify": "callables",
    "set_isa_level": "callables",
    "CompileError": "errors",
    "ConvergenceError": "errors",
    "DomainError": "errors",
    "MathError": "errors",
    "NotInvertibleError": "errors",
}
_SUBMODULES = ("combinat", "dynamics", "exact", "modlinalg", "ode", "primes", "quadrature", "sampling")

__all__ = sorted([*_HOME, *_SUBMODULES])


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if name in _SUBMODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
