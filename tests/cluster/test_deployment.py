"""The chart's objects on a real cluster: somebody signs in, works, has an assignment graded and runs a pipeline."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from kubernetes import client
from playwright.sync_api import Browser, expect

from tests.courseware.conftest import EXAMPLES
from tests.courseware.test_a_course_through_http import encoded
from tests.e2e.browsing import come_in
from tests.platform_under_test import WEB_HEADERS
from tests.rooms.test_durability import notebook

from .installation import Installation, installed, until

WHERE = "import os, socket\nprint('I am', socket.gethostname(), os.listdir('.'))"
PIPELINE = """\
name: sums
steps:
  first: {notebook: first.ipynb}
  second: {notebook: second.ipynb, parameters: {start: 20}}
"""


@pytest.fixture(scope="module")
def installation(kubeconfig: str) -> Iterator[Installation]:
    """The platform in a namespace of its own."""
    with installed() as made:
        yield made


@pytest.mark.slow
@pytest.mark.e2e
def test_work_in_a_project_whose_server_and_kernel_are_pods(
    installation: Installation, browser: Browser, tmp_path: Path
) -> None:
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    come_in(page, installation.link("ada"))
    api = f"{installation.url}/services/collegium/api"
    project = page.request.post(f"{api}/projects", data={"name": "On a cluster"}, headers=WEB_HEADERS).json()["id"]
    page.goto(f"{installation.url}/services/collegium/projects/{project}/open")
    page.wait_for_url("**/lab**")
    servers = installation.pods("project-server")
    assert [pod.metadata.name for pod in servers] == [f"project-{project}"]
    assert not servers[0].spec.automount_service_account_token

    content = json.loads(notebook(f"seven = 7\n{WHERE}", "print('kept', 6 * seven)"))
    content["metadata"]["kernelspec"] = {"name": "pod", "display_name": "Python in a pod", "language": "python"}
    files = installation.folder / "projects" / project / "files"
    (files / "where.ipynb").write_text(json.dumps(content))
    page.goto(f"{installation.url}/user/projects/{project}/lab/tree/where.ipynb?reset")
    page.wait_for_selector(".jp-Notebook-cell")
    expect(page.get_by_text(re.compile("Python in a pod \\| Idle"))).to_be_visible()
    page.locator(".jp-Notebook-cell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-OutputArea-output").first
    expect(output).to_contain_text("I am kernel-")
    expect(output).to_contain_text("where.ipynb")
    kernels = installation.pods("kernel")
    assert [pod.metadata.labels["collegium.org/server"] for pod in kernels] == [project]
    assert not kernels[0].metadata.owner_references  # it outlives the pod of its server

    # The server's pod is lost, as when its node is drained: the next one takes the kernel up.
    installation.core.delete_namespaced_pod(servers[0].metadata.name, installation.namespace)
    until(lambda: not installation.pods("project-server"), 180, installation.describe)
    page.goto(f"{installation.url}/services/collegium/projects/{project}/open")
    page.wait_for_url("**/lab**")
    page.goto(f"{installation.url}/user/projects/{project}/lab/tree/where.ipynb?reset")
    expect(page.get_by_text(re.compile("Python in a pod \\| Idle"))).to_be_visible()
    page.locator(".jp-Notebook-cell .cm-content").nth(1).click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output").nth(1)).to_contain_text("kept 42")
    assert [pod.metadata.name for pod in installation.pods("kernel")] == [kernels[0].metadata.name]

    content["metadata"]["kernelspec"] = {"name": "gpu", "display_name": "Python with a GPU", "language": "python"}
    (files / "gpu.ipynb").write_text(json.dumps(content))
    page.goto(f"{installation.url}/user/projects/{project}/lab/tree/gpu.ipynb?reset")
    notice = page.get_by_text(re.compile("Python with a GPU waits.*a free GPU.*Place 1 of 1 in the queue"))
    expect(notice.first).to_be_visible()
    page.screenshot(path=tmp_path / "waiting.png")


def is_graded(teacher: httpx.Client, receipt: httpx.Response) -> bool:
    """Asked of the API: a command run within a pod for each look would take the node's time."""
    found = teacher.get(f"/courses/phys/submissions/{receipt.json()['submission']}").raise_for_status().json()
    return found["seed"] is not None


@pytest.mark.slow
def test_assignment_is_graded_by_jobs_without_network_or_token(installation: Installation) -> None:
    shutil.copytree(EXAMPLES / "source/ps1", installation.folder / "ps1", copy_function=shutil.copyfile)
    student, teacher = installation.client("bitdiddle"), installation.client("teacher")
    said = [
        installation.run("service", "course", "create", "phys", "Physics", "--instructor", "teacher"),
        installation.run("service", "course", "enrol", "phys", "bitdiddle", "--role", "student"),
        installation.run("service", "assignment", "add", "phys", "ps1", "/srv/collegium/ps1"),
        installation.run("service", "assignment", "release", "phys", "ps1"),
    ]
    body = {"files": encoded(EXAMPLES / "submitted/bitdiddle/ps1")}
    receipt = student.post("/courses/phys/assignments/ps1/submissions", json=body)
    assert receipt.status_code == 201, (said, receipt.text)
    seen: dict[str, object] = {}
    ends: dict[str, str] = {}

    def graded() -> bool:
        for pod in installation.pods("grading"):
            seen[pod.metadata.name] = pod
            ends[pod.metadata.name] = f"{installation.state(pod)} {installation.log(pod.metadata.name, 'driver')[:500]}"
        return is_graded(teacher, receipt)

    until(graded, 240, lambda: installation.run("service", "grade", "status", "phys", "ps1") + installation.describe())
    # A Job for each notebook of the submission, and some for the check of the version: none needed a second pod.
    jobs = {pod.metadata.owner_references[0].uid for pod in seen.values()}  # type: ignore[attr-defined]
    assert 2 <= len(jobs) == len(seen), "\n".join(ends.values())
    for pod in seen.values():
        assert not pod.spec.automount_service_account_token  # type: ignore[attr-defined]
        runner, driver = pod.spec.containers  # type: ignore[attr-defined]
        assert runner.security_context.read_only_root_filesystem
        assert "plan" not in [mount.name for mount in runner.volume_mounts]
        assert "plan" in [mount.name for mount in driver.volume_mounts]
    assert "1 done" in installation.run("service", "grade", "status", "phys", "ps1")
    found = teacher.get(f"/courses/phys/submissions/{receipt.json()['submission']}").json()
    scores = {f"{s['notebook']}:{s['grade_id']}": s["auto_score"] for s in found["scores"] if not s["needs_manual"]}
    # As nbgrader scores this submission of its own example.
    assert sum(score or 0 for score in scores.values()) == 1.5
    batch = client.BatchV1Api()
    until(lambda: not batch.list_namespaced_job(installation.namespace).items, 180, installation.describe)


@pytest.mark.slow
def test_pipeline_runs_as_jobs_and_a_second_run_reuses_their_results(installation: Installation) -> None:
    person = installation.client("emmy")
    project = person.post("/projects", json={"name": "Sums"}).json()["id"]
    folder = installation.folder / "projects" / project / "files"
    folder.mkdir(parents=True)
    (folder / "sums.pipeline.yaml").write_text(PIPELINE)
    (folder / "first.ipynb").write_text(notebook(WHERE))
    second = json.loads(notebook("start = 0", "print(start + 22)"))
    second["cells"][0]["metadata"]["tags"] = ["parameters"]
    (folder / "second.ipynb").write_text(json.dumps(second))
    for path in (installation.folder / "projects", *(installation.folder / "projects").rglob("*")):
        shutil.chown(path, 1000, 100)
    steps: dict[str, object] = {}

    def run() -> dict[str, object]:
        made = person.post(f"/runs/{project}", json={"file": "sums.pipeline.yaml", "parameters": {}, "texts": {}})
        assert made.status_code == 201, made.text

        def state() -> dict[str, object]:
            found = person.get(f"/runs/{project}/{made.json()['id']}")
            found.raise_for_status()
            return dict(found.json())

        def ended() -> bool:
            steps.update({pod.metadata.name: pod for pod in installation.pods("step")})
            return state()["run"]["status"] not in ("queued", "running")  # type: ignore[index]

        until(ended, 240, lambda: f"{state()}\n{installation.describe()}")
        return state()

    first = run()
    assert first["run"]["status"] == "ok", first  # type: ignore[index]
    assert len(steps) == 2
    jobs = {job.metadata.name for job in client.BatchV1Api().list_namespaced_job(installation.namespace).items}
    assert {str(name).rpartition("-")[0] for name in steps} == jobs
    records = [path.read_text() for path in (installation.folder / "runs").rglob("*.ipynb")]
    assert any("I am step-" in text for text in records)
    assert any("42" in text for text in records)
    steps.clear()
    assert run()["run"]["status"] == "ok"  # type: ignore[index]
    assert set(steps) == {str(name) for name in steps if str(name).rpartition("-")[0] in jobs}


@pytest.mark.slow
def test_grading_refuses_where_the_network_is_open(installation: Installation) -> None:
    """A rule opens all, as where policies are not enforced: the reason is said, and what waited is graded later."""
    network = client.NetworkingV1Api()
    everything = {"podSelector": {}, "policyTypes": ["Egress", "Ingress"], "egress": [{}], "ingress": [{}]}
    opening = {"metadata": {"name": "open"}, "spec": everything}
    network.create_namespaced_network_policy(installation.namespace, opening)
    student, teacher = installation.client("bitdiddle"), installation.client("teacher")
    # The same files again would be the same submission.
    body = {"files": [*encoded(EXAMPLES / "submitted/bitdiddle/ps1"), {"path": "notes.txt", "content_base64": "eA=="}]}
    receipt = student.post("/courses/phys/assignments/ps1/submissions", json=body).raise_for_status()

    def said() -> bool:
        words = "network policies are not enforced"
        return any(words in installation.log(pod.metadata.name, "worker") for pod in installation.pods("worker"))

    try:
        until(said, 180, installation.describe)
        assert not is_graded(teacher, receipt)
    finally:
        network.delete_namespaced_network_policy("open", installation.namespace)
    until(lambda: is_graded(teacher, receipt), 240, installation.describe)
