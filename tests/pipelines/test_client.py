"""A program elsewhere, with a token: it is an experiment's bench, and runs notebooks by client and command line."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.client import Client, ClientError
from tests.platform_under_test import PlatformUnderTest

NOTEBOOKS = Path(__file__).parent / "notebooks"


def test_a_bench_and_a_command_line_elsewhere(platform: PlatformUnderTest) -> None:
    with contextlib.closing(platform.client("elsewhere")) as browser:
        project = browser.post("/projects", json={"name": "Bench"}).json()["id"]
        made = browser.post("/me/tokens", json={"name": "bench", "scopes": ["write"]})
        token = made.json()["token"]
    files = platform.data_dir / "projects" / project / "files"
    files.mkdir(parents=True, exist_ok=True)
    shutil.copy(NOTEBOOKS / "many_cells.ipynb", files)
    with Client(platform.url, token) as client:
        spec = {
            "name": "paint",
            "parameters": {"pigment": {"type": "float", "low": 0, "high": 1}},
            "metrics": [{"name": "gloss", "direction": "maximize"}],
            "budget": 5,
            "sampler": "random",
        }
        paint = client.create_experiment(project, spec)
        first, second = paint.suggest(), paint.suggest()
        paint.observe(first.trial, {"gloss": 71.0}, uncertainty=1.0)
        paint.observe(second.trial, failure="the film cracked")
        assert paint.state()["best"] == [first.trial]
        with pytest.raises(ClientError, match="another name") as refused:
            client.create_experiment(project, spec)
        assert refused.value.status == 409

        run = client.start_run(project, "many_cells.ipynb", idempotency_key="one")
        assert client.start_run(project, "many_cells.ipynb", idempotency_key="one").id == run.id
        assert client.wait(project, run.id, timeout_seconds=120).status == "ok"

    environment = os.environ | {"COLLEGIUM_URL": platform.url, "COLLEGIUM_TOKEN": token}
    command = [sys.executable, "-m", "hub.cli", "pipeline"]
    here = ["--project", project]
    ran = subprocess.run(
        [*command, "run", "many_cells.ipynb", *here], env=environment, capture_output=True, text=True, timeout=180
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "notebook: ok" in ran.stdout
    listed = subprocess.run([*command, "list", *here], env=environment, capture_output=True, text=True, timeout=180)
    assert run.id in listed.stdout
    wrong = subprocess.run(
        [*command, "run", "none.yaml", *here], env=environment, capture_output=True, text=True, timeout=180
    )
    assert wrong.returncode == 2
    assert "There is no file" in wrong.stderr


def test_without_an_address_the_client_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLLEGIUM_URL", raising=False)
    with pytest.raises(ClientError, match="COLLEGIUM_TOKEN"):
        Client()
