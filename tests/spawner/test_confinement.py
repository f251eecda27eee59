"""Links that a project has left in its state lead the process that is confined next nowhere, while it is still root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spawner import isolation_problem

CONFINED = """
import json, os, sys
from pathlib import Path
from spawner.confinement import View, confine
root = Path(sys.argv[1])
confine(View(root / "files", root / "state", 2_000_000_000, root / "runs"))
said = {"tmp": os.listdir("/tmp"), "result": (root / "runs" / "result").read_text()}
for name in ("files", "state", "runs"):
    try:
        (root / name / "written").write_text("x")
        said[name] = "written"
    except OSError as error:
        said[name] = error.strerror
print(json.dumps(said))
"""


@pytest.mark.skipif(bool(isolation_problem()), reason=isolation_problem() or "-")
def test_links_in_the_state_are_not_followed_and_results_are_read_only(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    for name in ("files", "state", "runs", "secret"):
        (tmp_path / name).mkdir()
    (secret / "key").write_text("secret")
    (secret / "key").chmod(0o600)
    (tmp_path / "runs" / "result").write_text("42")
    (tmp_path / "state" / "tmp").symlink_to(secret)
    (tmp_path / "state" / "passwd").symlink_to(secret / "key")
    command = [sys.executable, "-c", CONFINED, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    assert "key" not in said.pop("tmp")
    assert said == {"result": "42", "files": "written", "state": "written", "runs": "Read-only file system"}
    assert (secret / "key").read_text() == "secret"
    assert (secret / "key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in secret.iterdir()] == ["key"]
