"""What the tests of pipelines share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says something of the machine, and nothing of what is tested.
settings.register_profile("collegium", deadline=None)
settings.load_profile("collegium")
NOTEBOOKS = Path(__file__).parent / "notebooks"


@pytest.fixture
def notebooks() -> Path:
    """Folder of notebooks named by the behaviour they show."""
    return NOTEBOOKS
