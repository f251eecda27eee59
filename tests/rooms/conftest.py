"""Servers for the tests of the rooms."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rooms.peers import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that the tests of a module share."""
    yield from _running(tmp_path_factory.mktemp("rooms"))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A server of the test's own, to be killed."""
    yield from _running(tmp_path)


def _running(folder: Path) -> Iterator[Served]:
    served = Served(folder)
    served.start()
    yield served
    if served.process is not None:
        served.end(signal.SIGKILL)
