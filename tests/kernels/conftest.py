"""One runtime folder, one kernelspec and one preloaded parent for all tests of the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernels import ForkServer, install_kernelspec
from kernels.preloads import KERNEL_PRELOAD, KERNEL_REHEARSAL, KERNEL_TARGETS


@pytest.fixture(scope="session", autouse=True)
def jupyter_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders of Jupyter's own, so that no kernel or parent of the developer is touched."""
    prefix = tmp_path_factory.mktemp("prefix")
    patch = pytest.MonkeyPatch()
    install_kernelspec(prefix)
    patch.setenv("JUPYTER_PATH", str(prefix / "share" / "jupyter"))
    patch.setenv("JUPYTER_PREFER_ENV_PATH", "0")
    patch.setenv("JUPYTER_RUNTIME_DIR", str(prefix / "runtime"))
    patch.setenv("JUPYTER_CONFIG_DIR", str(prefix / "config"))
    patch.setenv("IPYTHONDIR", str(prefix / "ipython"))
    yield prefix
    patch.undo()


@pytest.fixture(scope="session")
def kernel_parent(jupyter_folders: Path) -> Iterator[ForkServer]:
    """The parent that the kernels of the tests come from."""
    server = ForkServer(
        preload=KERNEL_PRELOAD, target=KERNEL_TARGETS, rehearsal=KERNEL_REHEARSAL, python=sys.executable
    )
    server.start()
    yield server
    server.stop()


@pytest.fixture
def small_parent(tmp_path: Path) -> Iterator[ForkServer]:
    """A parent that preloads next to nothing, for tests of the mechanism itself."""
    environment = dict(os.environ, PYTHONPATH=str(Path(__file__).parent))
    server = ForkServer(
        preload=["json"], target="child_targets:run", runtime_dir=tmp_path / "run", environment=environment
    )
    yield server
    server.stop()
