"""What the tests of pipelines share."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent / "notebooks"


@pytest.fixture
def notebooks() -> Path:
    """Folder of notebooks named by the behaviour they show."""
    return NOTEBOOKS
