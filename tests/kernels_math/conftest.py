"""Shared by the tests of compiled mathematics.

``COLLEGIUM_MATH_CASES`` sets how many random inputs each routine meets (30 in the suite, 10,000 in check-math).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest

from kernels.math import available_levels, isa_level, set_isa_level

CASES = int(os.environ.get("COLLEGIUM_MATH_CASES", "30"))


@pytest.fixture
def cases() -> int:
    """Random inputs per routine."""
    return CASES


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261121)


@pytest.fixture
def trials() -> Iterator[Iterator[int]]:
    """Numbers of the random inputs, each on the next of the instruction sets that this CPU runs."""
    before, levels = isa_level(), available_levels()

    def numbered() -> Iterator[int]:
        for i in range(CASES):
            set_isa_level(levels[i % len(levels)])
            yield i

    yield numbered()
    set_isa_level(before)


@pytest.fixture(params=available_levels())
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Every instruction set that this CPU runs, in turn."""
    before = isa_level()
    set_isa_level(request.param)
    yield request.param
    set_isa_level(before)
