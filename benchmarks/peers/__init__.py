"""An environment of its own for the stock programs, so that nothing of ours makes them faster or slower."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
VENV = HERE.parents[1] / ".venv-peers"
LOCK = HERE / "requirements.lock"


def peers_bin() -> Path:
    """Return the folder of the stock programs, installed at the first need from their lock."""
    stamp = VENV / "lock"
    if not stamp.exists() or stamp.read_text() != LOCK.read_text():
        uv = str(Path(sys.executable).parent / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)], check=True)
        install = [uv, "--system-certs", "pip", "sync", "--quiet", "--require-hashes", str(LOCK)]
        subprocess.run(install, check=True, env=os.environ | {"VIRTUAL_ENV": str(VENV)})
        stamp.write_text(LOCK.read_text())
    return VENV / "bin"
