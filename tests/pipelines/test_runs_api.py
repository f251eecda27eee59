"""A pipeline in a project, from its start over a failure to the copy of its notebook, through HTTP."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest

from hub.confined_worker import MOST_PROCESSES
from spawner import isolation_problem
from tests.platform_under_test import PlatformUnderTest

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
TRAINING = "pipeline_training/pipeline.yaml"


@pytest.fixture(scope="module")
def client(platform: PlatformUnderTest) -> Iterator[httpx.Client]:
    with contextlib.closing(platform.client("researcher")) as client:
        yield client


@pytest.fixture(scope="module")
def project(platform: PlatformUnderTest, client: httpx.Client) -> str:
    """A project with the examples of the guide."""
    project_id = str(client.post("/projects", json={"name": "Weather"}).json()["id"])
    files = platform.data_dir / "projects" / project_id / "files"
    files.mkdir(parents=True, exist_ok=True)
    shutil.copytree(EXAMPLES / "pipeline_training", files / "pipeline_training")
    shutil.copy(Path(__file__).parent / "notebooks" / "typed_parameters.ipynb", files)
    return project_id


@pytest.fixture(scope="module")
def failed_run(client: httpx.Client, project: str) -> dict[str, Any]:
    """The training example, which fails in one region."""
    made = client.post(f"/runs/{project}", json={"file": TRAINING})
    assert made.status_code == 201, made.text
    return ended(client, project, made.json()["id"])


def ended(client: httpx.Client, project: str, run_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 280  # also on a machine with much else to do
    while True:
        detail: dict[str, Any] = client.get(f"/runs/{project}/{run_id}").json()
        if detail["run"]["status"] in ("ok", "failed", "cancelled"):
            return detail
        assert time.monotonic() < deadline, detail
        time.sleep(0.3)


def files_of(platform: PlatformUnderTest, project: str) -> Path:
    return platform.data_dir / "projects" / project / "files"


def test_pipelines_are_found_with_their_graph(client: httpx.Client, project: str) -> None:
    (info,) = client.get(f"/pipelines/{project}").json()["items"]
    assert (info["file"], info["problems"]) == (TRAINING, [])
    assert {step["name"]: step["after"] for step in info["steps"]}["train"] == ["load"]


def test_a_plan_runs_nothing(client: httpx.Client, project: str) -> None:
    plan = client.post(f"/pipelines/{project}/plans", json={"file": TRAINING}).json()["steps"]
    assert {step["step"] for step in plan} >= {"load", "train", "report"}


def test_a_run_fails_is_shown_at_the_cell_and_resumed(
    platform: PlatformUnderTest, client: httpx.Client, project: str, failed_run: dict[str, Any]
) -> None:
    run_id = failed_run["run"]["id"]
    assert failed_run["run"]["status"] == "failed"
    assert failed_run["run"]["started_by"] == "researcher"
    (bad,) = [item for item in failed_run["items"] if item["status"] == "failed"]
    here = f"/runs/{project}/{run_id}/{bad['step']}/{bad['index']}"
    page = client.get(f"{here}/page").json()
    assert page["has_failing_cell"]
    assert 'id="failing"' in page["html"]
    assert "<script" not in page["html"]
    assert str(platform.data_dir) not in json.dumps(failed_run)
    detail = client.get(here).json()
    assert detail["parameters"]["region"] == "west"
    record = nbformat.reads(client.get(f"{here}/record").text, as_version=4)
    assert record.metadata.papermill.exception

    copy = client.post(f"{here}/copies").json()["path"]
    copied = nbformat.read(files_of(platform, project) / copy, as_version=4)
    assert not any(cell.get("outputs") for cell in copied.cells)
    assert any("west" in cell.source for cell in copied.cells)
    assert client.post(f"{here}/copies").json()["path"] != copy

    (files_of(platform, project) / "pipeline_training/calibration/west.txt").write_text("1.02")
    assert client.post(f"/runs/{project}/{run_id}/resume").status_code == 202
    detail = ended(client, project, run_id)
    assert detail["run"]["status"] == "ok"
    assert client.post(f"/runs/{project}/{run_id}/resume").status_code == 409
    load = next(item for item in client.get(f"/runs/{project}/{run_id}").json()["items"] if item["step"] == "load")
    written = client.get(f"/runs/{project}/{run_id}/load/0").json()["files"]
    assert load["has_record"]
    name = written[0]["name"]
    answer = client.get(f"/runs/{project}/{run_id}/load/0/files", params={"name": name})
    assert len(answer.content) == written[0]["size_bytes"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert client.get(f"/runs/{project}/{run_id}/load/0/files", params={"name": "../../x"}).status_code == 404

    again = client.post(f"/runs/{project}/{run_id}/retry", json={"from_step": "report"}).json()
    statuses = {item["step"]: item["status"] for item in ended(client, project, again["id"])["items"]}
    assert (statuses["load"], statuses["report"]) == ("reused", "ok")
    listed = client.get(f"/runs/{project}", params={"limit": 1}).json()
    assert listed["items"][0]["id"] == again["id"]
    older = client.get(f"/runs/{project}", params={"cursor": listed["next_cursor"]}).json()["items"]
    assert run_id in [run["id"] for run in older]


def test_a_notebook_runs_from_a_form_with_events_of_its_cells(client: httpx.Client, project: str) -> None:
    answer = client.get(f"/pipelines/{project}/parameters", params={"file": "typed_parameters.ipynb"}).json()
    parameters = {parameter["name"]: parameter for parameter in answer["parameters"]}
    choices = next(p for p in parameters.values() if p["choices"])
    wrong = client.post(f"/runs/{project}", json={"file": "typed_parameters.ipynb", "texts": {"nonsense": "1"}})
    assert wrong.status_code == 422
    assert "nonsense" in wrong.json()["detail"]

    texts = {name: "1" for name, p in parameters.items() if p["required"]}
    texts[choices["name"]] = str(choices["choices"][-1])
    key = {"Idempotency-Key": "form-1"}
    body = {"file": "typed_parameters.ipynb", "texts": texts}
    made = client.post(f"/runs/{project}", json=body, headers=key)
    assert made.status_code == 201, made.text
    assert made.json()["parameters"][choices["name"]] == choices["choices"][-1]
    events = []
    with client.stream("GET", f"/runs/{project}/{made.json()['id']}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                events.append(json.loads(line[5:]))
    assert events[-1]["ended"]
    assert events[-1]["run"]["status"] == "ok"
    assert {item["status"] for event in events for item in event["items"]} >= {"ok"}


def test_a_run_is_cancelled(platform: PlatformUnderTest, client: httpx.Client, project: str) -> None:
    shutil.copy(Path(__file__).parent / "notebooks" / "never_ends.ipynb", files_of(platform, project))
    run_id = client.post(f"/runs/{project}", json={"file": "never_ends.ipynb"}).json()["id"]
    deadline = time.monotonic() + 180
    while not client.get(f"/runs/{project}/{run_id}").json()["items"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert client.post(f"/runs/{project}/{run_id}/cancel").status_code == 202
    assert ended(client, project, run_id)["run"]["status"] == "cancelled"
    assert client.post(f"/runs/{project}/{run_id}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("step", "told"),
    [
        ("notebook: ../../other/files/x.ipynb", "lies outside the project"),
        ("notebook: /etc/passwd", "lies outside the project"),
        ("notebook: link.ipynb", "lies outside the project"),
        ("{notebook: a.ipynb, inputs: ['../../../secrets/*']}", "lies outside the project"),
        ("{notebook: a.ipynb, secrets: {K: 'env:PATH'}}", "a secret is a file of the project"),
        ("{notebook: a.ipynb, secrets: {K: 'file:../../../secrets/operator'}}", "a secret is a file of the project"),
        ("{notebook: none.ipynb}", "line"),
    ],
)
def test_a_pipeline_names_nothing_outside_its_project(
    platform: PlatformUnderTest, client: httpx.Client, project: str, step: str, told: str
) -> None:
    files = files_of(platform, project)
    shutil.copy(files / "typed_parameters.ipynb", files / "a.ipynb")
    (files / "link.ipynb").unlink(missing_ok=True)
    (files / "link.ipynb").symlink_to(platform.data_dir / "collegium.sqlite")
    text = step if step.startswith("{") else f"{{{step}}}"
    (files / "outside.pipeline.yaml").write_text(f"name: outside\nsteps:\n  s: {text}\n")
    answer = client.post(f"/runs/{project}", json={"file": "outside.pipeline.yaml"})
    (files / "outside.pipeline.yaml").unlink()
    assert answer.status_code == 422
    assert told in answer.json()["detail"]
    assert str(platform.data_dir) not in answer.json()["detail"]
    for path in ("../x/pipeline.yaml", "/etc/passwd", "link.ipynb"):
        assert client.post(f"/runs/{project}", json={"file": path}).status_code == 422


def test_what_a_run_sees_is_the_projects_and_not_the_services(
    platform: PlatformUnderTest, client: httpx.Client, project: str
) -> None:
    files = files_of(platform, project)
    secrets = platform.data_dir / "secrets"
    source = (
        "import os, resource\nfrom pipelines import record\n"
        "record('names', sorted(n for n in os.environ if 'TOKEN' in n or 'COLLEGIUM' in n))\n"
        f"record('secrets', os.path.exists({str(secrets)!r}))\nrecord('root', os.getuid() == 0)\n"
        "record('processes', resource.getrlimit(resource.RLIMIT_NPROC)[0])"
    )
    detail = run_cells(client, project, files / "sees.ipynb", source)
    assert detail["run"]["status"] == "ok", detail
    seen = detail["items"][0]["values"]
    assert seen["names"] == ["COLLEGIUM_OUTPUT_DIR", "COLLEGIUM_PROJECT", "COLLEGIUM_STATE_DIR"]
    if not isolation_problem():
        assert (seen["secrets"], seen["root"], seen["processes"]) == (False, False, MOST_PROCESSES)


def run_cells(client: httpx.Client, project: str, path: Path, *sources: str) -> dict[str, Any]:
    """Run a notebook of these cells to its end."""
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    made = client.post(f"/runs/{project}", json={"file": path.name})
    assert made.status_code == 201, made.text
    return ended(client, project, made.json()["id"])


def test_the_quota_of_the_project_bounds_what_its_runs_write(platform: PlatformUnderTest, client: httpx.Client) -> None:
    project = client.post("/projects", json={"name": "Full"}).json()["id"]
    files = files_of(platform, project)
    files.mkdir(parents=True, exist_ok=True)
    (files / "data").write_bytes(b"x" * 1_000_000)
    write = (
        "import os\nfor n in range(3):\n    with open(os.environ['COLLEGIUM_OUTPUT_DIR'] + f'/{n}', 'wb') as part:\n"
    )
    with contextlib.closing(platform.client("admin")) as admin:
        admin.put("/quotas/user/researcher", json={"storage_bytes": 5_000_000}).raise_for_status()
        try:
            detail = run_cells(client, project, files / "writes.ipynb", f"{write}        part.write(b'x' * 2**21)")
            small = run_cells(client, project, files / "little.ipynb", f"{write}        part.write(b'x' * 2**10)")
        finally:
            admin.delete("/quotas/user/researcher").raise_for_status()
    error = detail["items"][0]["error"]
    assert (detail["run"]["status"], error["name"]) == ("failed", "DiskLimitError")
    assert "what the quota of the project (5 MB for files and results of runs) leaves is 3 MiB" in error["value"]
    assert small["run"]["status"] == "ok", small


@pytest.mark.skipif(bool(isolation_problem()), reason=isolation_problem() or "-")
def test_a_run_cannot_change_results_or_lead_the_service_astray(
    platform: PlatformUnderTest, client: httpx.Client
) -> None:
    project = client.post("/projects", json={"name": "Attacker"}).json()["id"]
    files, secrets = files_of(platform, project), platform.data_dir / "secrets"
    files.mkdir(parents=True, exist_ok=True)
    before = {path: path.read_bytes() for path in secrets.iterdir()}
    head = (
        "import os, pathlib\nfrom pipelines import record\nstate = pathlib.Path(os.environ['COLLEGIUM_STATE_DIR'])\n"
        "results = state.parent / 'runs'\n"
    )
    tried = (
        "attacks = {'write': lambda: (results / 'results' / 'x').write_text('x'),\n"
        "    'change an order': lambda: next((results / 'orders').glob('*.json')).write_text('{}'),\n"
        "    'take a lock': lambda: next((results / 'locks').iterdir()).open('w'),\n"
        "    'rename': lambda: results.rename(state / 'mine')}\n"
        "for name, attack in attacks.items():\n    try:\n        attack()\n        record(name, 'done')\n"
        "    except OSError as error:\n        record(name, type(error).__name__)\n"
    )
    detail = run_cells(client, project, files / "tries.ipynb", head + tried)
    assert "done" not in detail["items"][0]["values"].values(), detail
    assert set(detail["items"][0]["values"]) == {"write", "change an order", "take a lock", "rename"}

    plants = f"(state / 'runs').rename(state / 'kept')\n(state / 'runs').symlink_to({str(secrets)!r})"
    assert run_cells(client, project, files / "plants.ipynb", head + plants)["run"]["status"] == "failed"
    after = run_cells(client, project, files / "later.ipynb", "1")
    assert after["run"]["status"] == "failed"
    assert "cannot be used" in after["items"][0]["error"]["value"]
    assert str(platform.data_dir) not in json.dumps(after)
    for run in client.get(f"/runs/{project}").json()["items"]:
        if run["status"] == "failed":
            assert client.get(f"/runs/{project}/{run['id']}/notebook/0/record").status_code == 404
    assert {path: path.read_bytes() for path in secrets.iterdir()} == before


def test_runs_of_one_project_are_not_seen_from_another(client: httpx.Client, failed_run: dict[str, Any]) -> None:
    other = client.post("/projects", json={"name": "Other"}).json()["id"]
    assert client.get(f"/runs/{other}").json()["items"] == []
    assert client.get(f"/runs/{other}/{failed_run['run']['id']}").status_code == 404
    assert client.post(f"/runs/{other}/{failed_run['run']['id']}/retry", json={}).status_code == 404
