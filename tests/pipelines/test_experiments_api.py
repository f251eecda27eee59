"""The three calls of an experiment over HTTP, as a bench or a job elsewhere makes them."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.platform_under_test import PlatformUnderTest

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "pipeline_tuning"
SPEC = {
    "name": "paint",
    "parameters": {"pigment": {"type": "float", "low": 0, "high": 1}, "binder": {"type": "int", "low": 1, "high": 5}},
    "metrics": [{"name": "gloss", "direction": "maximize"}],
    "budget": 3,
    "seed": 1,
}


def test_a_bench_elsewhere_is_the_objective(platform: PlatformUnderTest) -> None:
    platform.add_user("chemist")
    platform.add_user("stranger")
    with (
        contextlib.closing(platform.client("chemist")) as chemist,
        contextlib.closing(platform.client("stranger")) as stranger,
    ):
        project = chemist.post("/projects", json={"name": "Paint"}).json()["id"]
        here = f"/experiments/{project}"

        assert chemist.post(here, json=SPEC).status_code == 201
        assert chemist.post(here, json=SPEC).status_code == 409
        assert chemist.get(here).json() == {"items": ["paint"], "files": []}
        for path in (here, f"{here}/paint"):
            assert stranger.get(path).status_code == 404
        assert stranger.post(f"{here}/paint/suggestions").status_code == 404

        first = chemist.post(f"{here}/paint/suggestions").json()
        second = chemist.post(f"{here}/paint/suggestions").json()
        assert set(first["parameters"]) == {"pigment", "binder"}
        assert first["parameters"] != second["parameters"]
        seen = {"trial": first["trial"], "values": {"gloss": 71.5, "minutes": 12}, "uncertainty": 1.5}
        assert chemist.post(f"{here}/paint/observations", json=seen).json()["status"] == "observed"
        failed = {"trial": second["trial"], "failure": "the film cracked"}
        assert chemist.post(f"{here}/paint/observations", json=failed).json()["status"] == "failed"

        state = chemist.get(f"{here}/paint").json()
        assert state["best"] == [first["trial"]]
        assert [trial["failure"] for trial in state["trials"]] == ["", "the film cracked"]

        for wrong, status in [
            ({"trial": first["trial"], "values": {"gloss": 1}}, 422),
            ({"trial": 7, "values": {"gloss": 1}}, 422),
            ({"trial": 0}, 422),
        ]:
            assert chemist.post(f"{here}/paint/observations", json=wrong).status_code == status
        assert chemist.get(f"{here}/varnish").status_code == 404
        bad = SPEC | {"name": "bad", "parameters": {"x": {"type": "float", "low": 2, "high": 1}}}
        answer = chemist.post(here, json=bad)
        assert answer.status_code == 422
        assert "above high" in answer.json()["detail"]

        third = chemist.post(f"{here}/paint/suggestions").json()["trial"]
        chemist.post(f"{here}/paint/observations", json={"trial": third, "values": {"gloss": 60}})
        used_up = chemist.post(f"{here}/paint/suggestions")
        assert used_up.status_code == 422
        assert "budget of 3 trials is used up" in used_up.json()["detail"]


@pytest.fixture(scope="module")
def tuned(platform: PlatformUnderTest) -> Iterator[tuple[httpx.Client, str, Path]]:
    """A project with the guide's experiment, smaller."""
    with contextlib.closing(platform.client("tuner")) as client:
        project = str(client.post("/projects", json={"name": "Tuning"}).json()["id"])
        files = platform.data_dir / "projects" / project / "files"
        files.mkdir(parents=True, exist_ok=True)
        shutil.copytree(EXAMPLE, files / "tuning")
        file = files / "tuning" / "experiment.yaml"
        file.write_text(file.read_text().replace("budget: 30", "budget: 3").replace("parallel: 4", "parallel: 2"))
        yield client, project, file


def until(client: httpx.Client, path: str, statuses: tuple[str, ...]) -> dict[str, Any]:
    deadline = time.monotonic() + 240  # also on a machine with much else to do
    while (state := client.get(path).json())["status"] not in statuses:
        assert time.monotonic() < deadline, state
        time.sleep(0.2)
    return dict(state)


def test_the_platform_runs_the_trials_of_an_experiment(tuned: tuple[httpx.Client, str, Path]) -> None:
    client, project, file = tuned
    here = f"/experiments/{project}"
    listed = client.get(here).json()
    assert [(entry["file"], entry["name"], entry["budget"]) for entry in listed["files"]] == [
        ("tuning/experiment.yaml", "tuning", 3)
    ]
    started = client.post(f"{here}/starts", json={"file": "tuning/experiment.yaml"})
    assert (started.status_code, started.json()["status"]) == (202, "running"), started.text
    assert client.post(f"{here}/starts", json={"file": "tuning/experiment.yaml"}).status_code == 409
    state = until(client, f"{here}/tuning", ("ended",))
    assert "budget of 3 trials is used up" in state["message"]
    assert [trial["status"] for trial in state["trials"]] == ["observed"] * 3
    assert state["best"]
    for trial in state["trials"]:
        run = client.get(f"/runs/{project}/{trial['run_id']}").json()
        assert run["run"]["status"] == "ok"
        assert run["items"][0]["values"]["error"] == trial["metrics"]["error"]
        assert run["run"]["kind"] == "trial"
    assert client.get(f"/runs/{project}").json()["items"] == []  # they are shown with their experiment

    again = client.post(f"{here}/starts", json={"file": "tuning/experiment.yaml"})
    assert (again.status_code, "has ended" in again.json()["detail"]) == (409, True)
    file.write_text(file.read_text().replace("budget: 3", "budget: 40"))
    assert client.post(f"{here}/starts", json={"file": "tuning/experiment.yaml"}).status_code == 202
    assert client.post(f"{here}/tuning/stop").json()["status"] == "stopping"
    stopped = until(client, f"{here}/tuning", ("ended",))
    assert stopped["message"] == "it was stopped"
    assert len(stopped["trials"]) < 40
    assert client.post(f"{here}/tuning/stop").status_code == 409

    file.write_text(file.read_text().replace("low: 0.05", "low: 0.01"))
    other = client.post(f"{here}/starts", json={"file": "tuning/experiment.yaml"})
    assert (other.status_code, "another name" in other.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: x\nPARAMETERS", "names no notebook"),
        ("name: x\nnotebook: no.ipynb\nPARAMETERS", "no.ipynb"),
        ("name: x\nnotebook: ../../../../x.ipynb\nPARAMETERS", "outside the project"),
        ("name: [", "line"),
    ],
)
def test_a_file_that_is_no_experiment_is_shown_with_its_mistake(
    tuned: tuple[httpx.Client, str, Path], text: str, message: str
) -> None:
    client, project, file = tuned
    wrong = file.with_name("wrong.experiment.yaml")
    wrong.write_text(
        text.replace("PARAMETERS", "parameters: {a: {type: float, low: 0, high: 1}}\nmetrics: [{name: m}]")
    )
    refused = client.post(f"/experiments/{project}/starts", json={"file": "tuning/wrong.experiment.yaml"})
    assert (refused.status_code, message in refused.json()["detail"]) == (422, True), refused.text
    assert str(file.parents[2]) not in refused.text
    listed = {entry["file"]: entry["problems"] for entry in client.get(f"/experiments/{project}").json()["files"]}
    assert listed["tuning/wrong.experiment.yaml"]
    wrong.unlink()
