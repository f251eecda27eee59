"""Make every child draw its own random numbers."""

from __future__ import annotations

import gc
import random
import sys


def reseed() -> None:
    """Seed anew every generator that the parent's modules created at import.

    `random` and `numpy.random` have one each; SymPy and others keep more. All instances of `random.Random` in
    module namespaces are found; `numpy.random.default_rng()` draws its seed when it is called.
    """
    random.seed()
    for generator in _generators():
        generator.seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


_found: list[random.Random] | None = None


def _generators() -> list[random.Random]:
    global _found
    if _found is None:
        remember()
    return _found or []


def remember() -> None:
    """Look for generators, once, in the parent, where the cost is shared."""
    global _found
    _found = [
        value
        for value in gc.get_objects()
        if isinstance(value, random.Random) and not isinstance(value, random.SystemRandom)
    ]
