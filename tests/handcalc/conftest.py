"""Shared by the tests of handcalc."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from handcalc import options


@pytest.fixture(autouse=True)
def _shipped_options() -> Iterator[None]:
    """Begin and end each test with the options that handcalc ships."""
    options.reset()
    yield
    options.reset()
