"""Who gets which answer from the operations on accounts, and what tokens may do, through HTTP.

Both tables are complete: an operation of the OpenAPI document that is missing fails a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from tests.platform_under_test import WEB_HEADERS, PlatformUnderTest

WHO = ("person", "admin", "nobody", "read token", "write token", "courses token", "admin token", "admin reads")
TAGS = {"me", "people", "users", "user-table", "sign-up-invitations", "announcements", "audit"}
SPARE = {"user_name": "table-spare"}
PERSONAL = (200, 200, 401, 403, 403, 403, 403, 403)
GONE = (404, 404, 401, 403, 403, 403, 403, 403)  # of one's own things, none of which has this id
ADMIN = (403, 200, 401, 403, 403, 403, 200, 403)
PNG = b"not a picture"


def made(status: int, personal: bool = False) -> tuple[int, ...]:
    """Return the row of an operation of administrators (or of people at a browser) that answers `status`."""
    return tuple(status if usual == 200 else usual for usual in (PERSONAL if personal else ADMIN))


@dataclass(frozen=True)
class Row:
    """One operation and the status that each kind of caller gets, in the order of WHO."""

    method: str
    path: str
    statuses: tuple[int, ...]
    body: dict[str, object] | None = None
    names: dict[str, str] = field(default_factory=dict)


TABLE = [
    Row("GET", "/me", (200, 200, 401, 200, 200, 403, 403, 200)),
    Row("PATCH", "/me", (200, 200, 401, 403, 200, 403, 403, 403), {"display_name": "Somebody"}),
    Row("PUT", "/me/password", made(422, personal=True), {"new": "short"}),
    Row("PUT", "/me/email", made(422, personal=True), {"email": "no address"}),
    Row("PUT", "/me/avatar", (422, 422, 401, 403, 422, 403, 403, 403)),
    Row("DELETE", "/me/avatar", (200, 200, 401, 403, 200, 403, 403, 403)),
    Row("GET", "/me/sessions", PERSONAL),
    Row("DELETE", "/me/sessions", PERSONAL),
    Row("DELETE", "/me/sessions/{session_id}", GONE, None, {"session_id": "x"}),
    Row("GET", "/me/providers", PERSONAL),
    Row("DELETE", "/me/providers/{provider}", GONE, None, {"provider": "x"}),
    Row("GET", "/me/tokens", PERSONAL),
    Row("POST", "/me/tokens", made(422, personal=True), {"name": "T", "scopes": []}),
    Row("DELETE", "/me/tokens/{token_id}", GONE, None, {"token_id": "x"}),
    Row("GET", "/people", (200, 200, 401, 200, 200, 403, 403, 200)),
    Row(
        "GET",
        "/people/{user_name}/avatar/{version}",
        (404, 404, 401, 404, 404, 403, 403, 404),
        None,
        SPARE | {"version": "x"},
    ),
    Row("GET", "/users", ADMIN),
    Row("GET", "/users/{user_name}", ADMIN, None, SPARE),
    Row("POST", "/users", made(409), {"name": "table-spare"}),
    Row("PATCH", "/users/{user_name}", ADMIN, {"display_name": "X"}, SPARE),
    Row("POST", "/users/{user_name}/sign-in-links", made(201), None, SPARE),
    Row("POST", "/users/{user_name}/password-links", made(201), None, SPARE),
    Row("DELETE", "/users/{user_name}/sessions", ADMIN, None, SPARE),
    Row("POST", "/user-table", ADMIN, {"csv": "name\nsomebody\n"}),
    Row("GET", "/sign-up-invitations", ADMIN),
    Row("POST", "/sign-up-invitations", made(409)),  # signing up is closed
    Row("DELETE", "/sign-up-invitations/{invitation_id}", made(404), None, {"invitation_id": "x"}),
    Row("GET", "/announcements/current", (200,) * 8),
    Row("GET", "/announcements", ADMIN),
    Row("POST", "/announcements", made(422), {"text": ""}),
    Row("PATCH", "/announcements/{announcement_id}", made(404), {"text": "T"}, {"announcement_id": "x"}),
    Row("DELETE", "/announcements/{announcement_id}", made(404), None, {"announcement_id": "x"}),
    Row("GET", "/audit", ADMIN),
    Row("GET", "/audit/export", ADMIN),
]


def bearer(platform: PlatformUnderTest, owner: httpx.Client, *scopes: str) -> httpx.Client:
    """Return a client with a fresh token of `owner`."""
    answer = owner.post("/me/tokens", json={"name": " ".join(scopes), "scopes": scopes})
    headers = {"Authorization": f"Bearer {answer.raise_for_status().json()['token']}"}
    return httpx.Client(base_url=platform.api, headers=headers, trust_env=False, timeout=180)


@pytest.fixture(scope="module")
def clients(platform: PlatformUnderTest) -> Iterator[dict[str, httpx.Client]]:
    platform.add_user("table-spare")
    person, admin = platform.client("table-person"), platform.client("admin")
    clients = {
        "person": person,
        "admin": admin,
        "nobody": httpx.Client(base_url=platform.api, trust_env=False, headers=WEB_HEADERS),
        "read token": bearer(platform, person, "read"),
        "write token": bearer(platform, person, "write"),
        "courses token": bearer(platform, person, "courses"),
        "admin token": bearer(platform, admin, "admin"),
        "admin reads": bearer(platform, admin, "read"),
    }
    yield clients
    for client in clients.values():
        client.close()


def operations(platform: PlatformUnderTest) -> dict[tuple[str, str], dict[str, object]]:
    document = httpx.get(f"{platform.api}/openapi.json").json()
    return {
        (method.upper(), path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def test_every_operation_on_accounts_has_a_row(platform: PlatformUnderTest) -> None:
    ours = {key for key, operation in operations(platform).items() if TAGS & set(operation["tags"])}  # type: ignore[call-overload]
    assert ours == {(row.method, row.path) for row in TABLE}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.method} {row.path}")
def test_each_caller_gets_exactly_the_answer_of_the_table(clients: dict[str, httpx.Client], row: Row) -> None:
    path = row.path.format(**row.names)
    for who, expected in zip(WHO, row.statuses, strict=True):
        if row.path == "/me/avatar" and row.method == "PUT":
            answer = clients[who].put(path, content=PNG, headers={"Content-Type": "image/png"})
        else:
            answer = clients[who].request(row.method, path, json=row.body if row.method != "GET" else None)
        assert answer.status_code == expected, (who, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_a_token_is_refused_at_every_operation_that_its_scopes_do_not_cover(
    platform: PlatformUnderTest, clients: dict[str, httpx.Client]
) -> None:
    covered = {
        "read token": {"read"},
        "write token": {"read", "write"},
        "courses token": {"courses"},
        "admin reads": {"read"},
    }
    tried = 0
    for (method, path), operation in operations(platform).items():
        if operation["x-audience"] not in ("user", "admin"):
            continue
        for who, scopes in covered.items():
            if operation.get("x-scope") in scopes:
                continue
            answer = clients[who].request(method, path.replace("{", "").replace("}", ""))
            assert answer.status_code == 403, (who, method, path)
            assert "scope" in answer.json()["detail"] or "account page" in answer.json()["detail"]
            tried += 1
    assert tried > 300


def test_a_token_covers_what_its_scope_names(platform: PlatformUnderTest, clients: dict[str, httpx.Client]) -> None:
    for (method, path), operation in operations(platform).items():
        if operation["x-audience"] == "user" and operation.get("x-scope") == "read":
            answer = clients["read token"].request(method, path.replace("{", "").replace("}", ""))
            assert "scope" not in answer.text or answer.status_code != 403, (method, path, answer.text)


def test_only_administrators_get_tokens_that_administer(clients: dict[str, httpx.Client]) -> None:
    answer = clients["person"].post("/me/tokens", json={"name": "T", "scopes": ["admin"]})
    assert answer.status_code == 403


def test_a_hub_token_or_a_made_up_one_signs_nobody_in(platform: PlatformUnderTest) -> None:
    for token in ("clg_" + "x" * 43, "0123456789abcdef" * 2, "clg_", "é"):
        headers = {"Authorization": f"Bearer {token}".encode()}
        assert httpx.get(f"{platform.api}/me", headers=headers).status_code == 401, token
