"""Who gets which answer from which operation, through HTTP on the running platform.

The table is complete: an operation of the OpenAPI document without a row fails the first test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.hub.project_rows import ROWS
from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest

WHO = ("owner", "editor", "viewer", "stranger", "admin", "nobody")
TAGS = {
    "projects",
    "internal",
    "experiments",
    "trash",
    "templates",
    "invitations",
    "published",
    "usage",
    "profiles",
    "quotas",
    "quota-groups",
}  # other parts of the API have tables beside their own tests
PROJECT = "/projects/{project_id}"
EXPERIMENT: dict[str, object] = {
    "name": "tune",
    "parameters": {"x": {"type": "float", "low": 0, "high": 1}},
    "metrics": [{"name": "loss", "direction": "minimize"}],
}


@dataclass(frozen=True)
class Row:
    """One operation and the status that each kind of caller gets, in the order of WHO."""

    method: str
    path: str
    statuses: tuple[int, int, int, int, int, int]
    body: dict[str, object] | None = None
    names: dict[str, str] = field(default_factory=dict)

    @property
    def operation(self) -> tuple[str, str]:
        return self.method, self.path.partition("?")[0]


# owner, editor, viewer, stranger, administrator who is no member, nobody signed in
TABLE = [
    Row("GET", "/projects", (200, 200, 200, 200, 200, 401)),
    Row("POST", "/projects", (201, 201, 201, 201, 201, 401), {"name": "Own"}),
    Row("GET", PROJECT, (200, 200, 200, 404, 200, 401)),
    Row("PATCH", PROJECT, (200, 200, 403, 404, 200, 401), {"description": "changed"}),
    Row(
        "PUT",
        PROJECT + "/members/{user_name}",
        (200, 403, 403, 404, 200, 401),
        {"role": "viewer"},
        {"user_name": "spare"},
    ),
    Row("DELETE", PROJECT + "/members/{user_name}", (200, 403, 403, 404, 200, 401), None, {"user_name": "spare"}),
    Row("GET", PROJECT + "/server", (200, 200, 200, 404, 200, 401)),
    Row("GET", PROJECT + "/server/events", (404, 404, 404, 404, 404, 401)),  # nothing is starting
    Row("DELETE", PROJECT + "/server", (200, 200, 403, 404, 200, 401)),  # it would end the others' code
    Row("POST", PROJECT + "/server", (202, 202, 202, 404, 202, 401)),
    Row("DELETE", PROJECT, (204, 403, 403, 404, 204, 401)),
    Row("GET", "/experiments/{project_id}", (200, 200, 200, 404, 403, 401)),
    Row("POST", "/experiments/{project_id}", (201, 201, 403, 404, 403, 401), EXPERIMENT),
    Row(
        "POST",
        "/experiments/{project_id}/starts",
        (422, 422, 403, 404, 403, 401),
        {"file": "none.experiment.yaml"},
    ),
    Row("POST", "/experiments/{project_id}/{name}/stop", (404, 404, 403, 404, 403, 401), None, {"name": "none"}),
    Row("GET", "/experiments/{project_id}/{name}", (404, 404, 404, 404, 403, 401), None, {"name": "none"}),
    Row("POST", "/experiments/{project_id}/{name}/suggestions", (404, 404, 403, 404, 403, 401), None, {"name": "none"}),
    Row(
        "POST",
        "/experiments/{project_id}/{name}/observations",
        (404, 404, 403, 404, 403, 401),
        {"trial": 0, "values": {"loss": 1.0}},
        {"name": "none"},
    ),
    *(
        Row("POST", f"/internal/{what}", (403, 403, 403, 403, 403, 403))
        for what in (
            "authenticate",
            "sign-up",
            "password-resets",
            "passwords",
            "confirmations",
            "sign-outs",
            "session-checks",
            "identity-links",
        )
    ),
    Row(
        "GET",
        "/internal/projects/{project_id}/access/{user_name}",
        (401, 401, 401, 401, 401, 401),
        None,
        {"user_name": "owner"},
    ),
]
TABLE += [Row(*row) for row in ROWS]
OCTETS = {"Content-Type": "application/octet-stream"}
BINARY = ("PUT", PROJECT + "/upload")  # its body is no JSON


@pytest.fixture(scope="module")
def clients(platform: PlatformUnderTest) -> Iterator[dict[str, httpx.Client]]:
    names = [name for name in WHO if name not in ("admin", "nobody")]
    platform.add_user("spare")
    clients = {name: platform.client(name) for name in (*names, "admin")}
    clients["nobody"] = httpx.Client(base_url=platform.api, trust_env=False, headers=WEB_HEADERS)
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def project(clients: dict[str, httpx.Client]) -> str:
    owner = clients["owner"]
    project_id = str(owner.post("/projects", json={"name": "Table"}).json()["id"])
    for name in ("editor", "viewer"):
        owner.put(f"/projects/{project_id}/members/{name}", json={"role": name}).raise_for_status()
    return project_id


def test_every_operation_has_a_row(platform: PlatformUnderTest) -> None:
    document = httpx.get(f"{platform.api}/openapi.json").json()
    operations = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if TAGS & set(operation["tags"])
    }
    assert operations == {row.operation for row in TABLE}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.path}")
def test_each_caller_gets_exactly_the_answer_of_the_table(
    clients: dict[str, httpx.Client], project: str, row: Row, who: str
) -> None:
    if row.operation == ("DELETE", PROJECT + "/members/{user_name}"):
        clients["owner"].put(f"/projects/{project}/members/spare", json={"role": "viewer"}).raise_for_status()
    path = row.path.format(project_id=project, **row.names)
    body = {"content": b"x", "headers": OCTETS} if row.operation == BINARY else {"json": row.body}
    answer = clients[who].request(row.method, path, **body)
    assert answer.status_code == row.statuses[WHO.index(who)], answer.text
    if answer.status_code >= 400:
        problem = answer.json()
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert problem["status"] == answer.status_code
        assert problem["request_id"] == answer.headers["X-Request-ID"]


def test_only_administrators_list_everybodys_projects(clients: dict[str, httpx.Client], project: str) -> None:
    assert clients["owner"].get("/projects", params={"everybody": "true"}).status_code == 403
    listed = clients["admin"].get("/projects", params={"everybody": "true", "limit": 200}).json()["items"]
    assert project in [p["id"] for p in listed]
    own = clients["admin"].get("/projects", params={"limit": 200}).json()["items"]
    assert project not in [p["id"] for p in own]


def test_a_member_may_leave_by_themselves(clients: dict[str, httpx.Client], project: str) -> None:
    assert clients["viewer"].delete(f"/projects/{project}/members/viewer").status_code == 200
    assert clients["viewer"].get(f"/projects/{project}").status_code == 404


def test_an_editor_cannot_make_themselves_owner(clients: dict[str, httpx.Client], project: str) -> None:
    answer = clients["editor"].put(f"/projects/{project}/members/editor", json={"role": "owner"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"X-Collegium-Client": ""}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
    ids=["no header of ours", "another site", "another host of the site"],
)
def test_another_site_cannot_use_the_browsers_session(
    platform: PlatformUnderTest, clients: dict[str, httpx.Client], headers: dict[str, str]
) -> None:
    kept = {"Cookie": "; ".join(f"{c.name}={c.value}" for c in clients["owner"].cookies.jar if "services" in c.path)}
    ours = {name: value for name, value in (WEB_HEADERS | headers).items() if value}
    answer = httpx.post(f"{platform.api}/projects", json={"name": "Forged"}, headers=kept | ours)
    assert answer.status_code == 403
    control = httpx.post(f"{platform.api}/projects", json={"name": "Own"}, headers=kept | WEB_HEADERS)
    assert control.status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "name"), ({"name": " "}, "name"), ({"name": "x", "colour": "red"}, "colour"), ({"name": "x" * 121}, "name")],
)
def test_a_wrong_body_is_answered_with_the_field(
    clients: dict[str, httpx.Client], body: dict[str, str], field: str
) -> None:
    answer = clients["owner"].post("/projects", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b'"text"'])
def test_a_body_that_is_no_json_object_is_refused(clients: dict[str, httpx.Client], content: bytes) -> None:
    assert clients["owner"].post("/projects", content=content).status_code == 422


def test_script_in_a_name_comes_back_as_text(clients: dict[str, httpx.Client]) -> None:
    name = "<script>alert(1)</script>"
    answer = clients["owner"].post("/projects", json={"name": name})
    assert answer.json()["name"] == name
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_project_id_cannot_lead_elsewhere(clients: dict[str, httpx.Client]) -> None:
    for path in ("/projects/..%2F..%2Fusers", "/projects/%00", "/projects/..%5c", "/projects/x'--"):
        assert clients["owner"].get(path).status_code in (404, 422), path
