"""What people did and said is there for members without the project's server, and for nobody else."""

from __future__ import annotations

import json
import time
from contextlib import closing

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browsing import sign_in
from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest
from tests.rooms.test_durability import notebook


@pytest.mark.slow
def test_history_comments_and_snapshots_are_read_while_the_server_is_stopped(
    browser: Browser, platform: PlatformUnderTest
) -> None:
    platform.add_user("noether", "Emmy Noether")
    platform.add_user("other")
    page = sign_in(browser, platform, "noether")
    answer = page.request.post(f"{platform.api}/projects", data={"name": "Past"}, headers=WEB_HEADERS)
    project = answer.json()["id"]
    page.goto(f"{platform.url}/services/collegium/projects/{project}/open")
    page.wait_for_url("**/lab**")
    files = platform.data_dir / "projects" / project / "files"
    content = json.loads(notebook("a = 1"))
    content["metadata"]["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    (files / "p.ipynb").write_text(json.dumps(content))
    page.goto(f"{platform.url}/user/projects/{project}/lab/tree/p.ipynb?reset")
    page.wait_for_selector(".jp-Notebook-cell")
    page.locator(".jp-Notebook-cell .cm-content").first.click()
    page.keyboard.press("End")
    page.keyboard.insert_text("  # by Emmy")
    expect(page.get_by_text("# by Emmy")).to_be_visible()
    server = f"{platform.url}/user/projects/{project}/api/collaboration"
    token = {"X-XSRFToken": next(c["value"] for c in page.context.cookies(server) if c["name"] == "_xsrf")}

    def post(address: str, **body: object) -> int:
        return page.request.post(f"{server}/{address}", data=body, headers=token).status

    assert post("comments", path="p.ipynb", cell_id="cell0", text="Why 1?") == 201
    assert post("chat", text="hello") == 201
    members = page.request.get(f"{server}/members", headers=token).json()["members"]
    assert members == [{"username": "noether", "display_name": "Emmy Noether", "role": "owner"}]
    deadline = time.monotonic() + 180
    while "by Emmy" not in (files / "p.ipynb").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert post("snapshots") == 201
    page.close()
    with closing(platform.client("noether")) as emmy:
        emmy.delete(f"/projects/{project}/server").raise_for_status()
        found = emmy.get(f"/projects/{project}/history", params={"path": "p.ipynb"}).json()
        assert found["revisions"][-1]["author"] == "noether"
        assert found["users"]["noether"] == "Emmy Noether"
        query = {"path": "p.ipynb", "revision": found["revisions"][-1]["n"]}
        then = emmy.get(f"/projects/{project}/history/revision", params=query).json()
        assert then["content"]["cells"][0]["source"] == "a = 1  # by Emmy"
        moments = {"path": "p.ipynb", "start": 0, "end": query["revision"]}
        changed = emmy.get(f"/projects/{project}/history/diff", params=moments).json()
        assert [cell["change"] for cell in changed["cells"]] == ["changed"]
        threads = emmy.get(f"/projects/{project}/comments", params={"path": "p.ipynb"}).json()["threads"]
        assert threads[0]["messages"][0]["text"] == "Why 1?"
        assert emmy.get(f"/projects/{project}/chat").json()["messages"][0]["text"] == "hello"
        kinds = {entry["kind"] for entry in emmy.get(f"/projects/{project}/recent").json()["entries"]}
        assert {"edit", "comment", "snapshot"} <= kinds
        snapshot = emmy.get(f"/projects/{project}/snapshots").json()["snapshots"][0]
        address = f"/projects/{project}/snapshots/{snapshot['id']}"
        assert "p.ipynb" in [entry["name"] for entry in emmy.get(address).json()["entries"]]
        assert b"by Emmy" in emmy.get(f"{address}/file", params={"path": "p.ipynb"}).content
    with closing(platform.client("other")) as other:
        assert other.get(f"/projects/{project}/chat").status_code == 404
    assert httpx.get(f"{platform.api}/projects/{project}/chat").status_code == 401
