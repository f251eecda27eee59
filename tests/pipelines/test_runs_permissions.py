"""Who gets which answer from the operations on pipelines, runs and automation; the table is complete."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest

WHO = ("owner", "editor", "viewer", "stranger", "admin", "nobody")
TAGS = {"runs", "pipelines", "automation", "triggers"}
READERS = (200, 200, 200, 404, 403, 401)
MISSING = (404, 404, 404, 404, 403, 401)  # members learn that there is none
RUNNERS_MISSING = (404, 404, 403, 404, 403, 401)
RUNNERS_WRONG = (422, 422, 403, 404, 403, 401)  # there is no such file
RUN = "/runs/{project_id}/{run_id}"
ITEM = RUN + "/{step}/{index}"
AUTOMATION = "/automation/{project_id}"
FILE: dict[str, object] = {"file": "none.ipynb"}
DAY = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z"}

# method, path, query, body, statuses in the order of WHO
TABLE: list[tuple[str, str, str, dict[str, object] | None, tuple[int, int, int, int, int, int]]] = [
    ("GET", "/pipelines/{project_id}", "", None, READERS),
    ("POST", "/pipelines/{project_id}/plans", "", FILE, (422, 422, 422, 404, 403, 401)),
    ("GET", "/pipelines/{project_id}/parameters", "?file=none.ipynb", None, (422, 422, 422, 404, 403, 401)),
    ("GET", "/runs/{project_id}", "", None, READERS),
    ("POST", "/runs/{project_id}", "", FILE, RUNNERS_WRONG),
    ("GET", RUN, "", None, MISSING),
    ("GET", RUN + "/events", "", None, MISSING),
    ("POST", RUN + "/cancel", "", None, RUNNERS_MISSING),
    ("POST", RUN + "/resume", "", None, RUNNERS_MISSING),
    ("POST", RUN + "/retry", "", {}, RUNNERS_MISSING),
    ("GET", ITEM, "", None, MISSING),
    ("GET", ITEM + "/page", "", None, MISSING),
    ("GET", ITEM + "/record", "", None, MISSING),
    ("GET", ITEM + "/files", "?name=x.csv", None, MISSING),
    ("POST", ITEM + "/copies", "", None, RUNNERS_MISSING),
    ("GET", AUTOMATION, "", None, READERS),
    ("POST", AUTOMATION + "/schedules", "", FILE | {"cron": "0 6 * * *"}, RUNNERS_WRONG),
    ("PATCH", AUTOMATION + "/schedules/{schedule_id}", "", {"paused": True}, RUNNERS_MISSING),
    ("POST", AUTOMATION + "/schedules/{schedule_id}/backfills", "", dict(DAY), RUNNERS_MISSING),
    ("POST", AUTOMATION + "/triggers", "", FILE, RUNNERS_WRONG),
    ("POST", AUTOMATION + "/notices", "", {"kind": "email", "target": "owner"}, (201, 201, 403, 404, 403, 401)),
    ("DELETE", AUTOMATION + "/{automation_id}", "", None, RUNNERS_MISSING),
    ("POST", "/triggers/{token}", "", {"idempotency_key": "a"}, (404, 404, 404, 404, 404, 404)),
]


@pytest.fixture(scope="module")
def clients(platform: PlatformUnderTest) -> Iterator[dict[str, httpx.Client]]:
    clients = {name: platform.client(name) for name in WHO if name != "nobody"}
    clients["nobody"] = httpx.Client(base_url=platform.api, trust_env=False, headers=WEB_HEADERS)
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture(scope="module")
def project(clients: dict[str, httpx.Client]) -> str:
    project_id = str(clients["owner"].post("/projects", json={"name": "Runs"}).json()["id"])
    for name in ("editor", "viewer"):
        clients["owner"].put(f"/projects/{project_id}/members/{name}", json={"role": name}).raise_for_status()
    return project_id


def test_every_operation_has_a_row(platform: PlatformUnderTest) -> None:
    document = httpx.get(f"{platform.api}/openapi.json").json()
    operations = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if TAGS & set(operation["tags"])
    }
    assert operations == {(method, path) for method, path, *_ in TABLE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]} {row[1]}")
def test_each_caller_gets_exactly_the_answer_of_the_table(
    clients: dict[str, httpx.Client],
    project: str,
    row: tuple[str, str, str, dict[str, object] | None, tuple[int, ...]],
) -> None:
    method, path, query, body, statuses = row
    names = {"run_id": "none", "step": "s", "index": "0", "schedule_id": "none", "automation_id": "none"}
    address = path.format(project_id=project, token="none", **names) + query
    answers = [clients[who].request(method, address, json=body) for who in WHO]
    assert tuple(answer.status_code for answer in answers) == statuses, [answer.text for answer in answers]
