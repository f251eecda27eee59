"""Start the preloaded parent: `python <this file> <configuration as JSON>`.

The package around this file is loaded under a private name, and the folder of this file leaves `sys.path`, so
that neither it nor the package it belongs to is importable by accident in the children.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

PRIVATE_NAME = "_collegium_fork"


def _load_package() -> None:
    here = Path(__file__).resolve().parent
    sys.path[:] = [entry for entry in sys.path if entry == "" or Path(entry).resolve() != here]
    spec = importlib.util.spec_from_file_location(
        PRIVATE_NAME, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{here} is not a package")
    package = importlib.util.module_from_spec(spec)
    sys.modules[PRIVATE_NAME] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    _load_package()
    importlib.import_module(f"{PRIVATE_NAME}.main").run(sys.argv[1])
