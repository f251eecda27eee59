"""What every operation keeps: repetitions, changes in between, limits, problems, one name for one thing."""

from __future__ import annotations

import ast
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate

import hub.api.dispatch  # noqa: F401 - declares the operations
from hub.api.openapi import document
from hub.api.operation import OPERATIONS
from hub.api.python_client import source
from hub.api.rate_limit import RateLimiter
from hub.api.schemas import ProjectCreate, ProjectUpdate
from hub.api_client import Client
from hub.client import ClientError
from hub.runtime import API_PREFIX
from hub.version import VERSION
from tests.hub.signing_in import ConfiguredPlatform
from tests.platform_under_test import PlatformUnderTest, free_port


@pytest.fixture(scope="module")
def ada(platform: PlatformUnderTest) -> Iterator[httpx.Client]:
    with closing(platform.client("qualities")) as client:
        yield client


def test_the_document_is_valid_and_each_name_stands_for_one_thing() -> None:
    doc = document("0", "/api")
    validate(doc)  # type: ignore[arg-type]
    names = Counter(op.operation_id for op in OPERATIONS)
    assert [name for name, count in names.items() if count > 1] == []
    models = {model for op in OPERATIONS for model in (op.body, op.response) if model is not None}
    assert [name for name, count in Counter(m.__name__ for m in models).items() if count > 1] == []


def test_a_repeated_create_makes_one_thing_and_gets_the_same_answer(ada: httpx.Client) -> None:
    key = {"Idempotency-Key": "create-once"}
    first = ada.post("/projects", json={"name": "Once"}, headers=key)
    second = ada.post("/projects", json={"name": "Once"}, headers=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json()["id"] == first.json()["id"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(ada.get("/projects", params={"search": "Once"}).json()["items"]) == 1
    other = ada.post("/projects", json={"name": "Another"}, headers=key)
    assert other.status_code == 422
    assert "different request" in other.json()["detail"]


def test_creates_with_one_key_at_the_same_time_make_one_thing(ada: httpx.Client) -> None:
    statuses: list[int] = []

    def create() -> None:
        answer = ada.post("/projects", json={"name": "Race"}, headers={"Idempotency-Key": "race"})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert len(ada.get("/projects", params={"search": "Race"}).json()["items"]) == 1


def test_a_refused_create_gives_its_key_back(ada: httpx.Client) -> None:
    key = {"Idempotency-Key": "refused"}
    body = {"name": "T", "scopes": ["admin"]}
    assert ada.post("/me/tokens", json=body, headers=key).status_code == 403
    assert ada.post("/me/tokens", json=body, headers=key).status_code == 403


def test_a_secret_is_not_kept_for_a_repetition(ada: httpx.Client) -> None:
    key = {"Idempotency-Key": "secret"}
    body = {"name": "Secret", "scopes": ["read"]}
    assert ada.post("/me/tokens", json=body, headers=key).status_code == 201
    again = ada.post("/me/tokens", json=body, headers=key)
    assert again.status_code == 409
    assert len([t for t in ada.get("/me/tokens").json()["items"] if t["name"] == "Secret"]) == 1


def test_what_was_changed_in_between_is_not_overwritten(ada: httpx.Client, platform: PlatformUnderTest) -> None:
    project = ada.post("/projects", json={"name": "Shared"}).json()["id"]
    seen = ada.get(f"/projects/{project}").headers["ETag"]
    assert ada.patch(f"/projects/{project}", json={"name": "Mine"}, headers={"If-Match": seen}).status_code == 200
    late = ada.patch(f"/projects/{project}", json={"name": "Theirs"}, headers={"If-Match": seen})
    assert late.status_code == 412
    assert ada.get(f"/projects/{project}").json()["name"] == "Mine"
    with closing(platform.client("admin")) as admin:
        admin.post("/users", json={"name": "tagged"})
        seen = admin.get("/users/tagged").headers["ETag"]
        changed = admin.patch("/users/tagged", json={"display_name": "A"}, headers={"If-Match": seen})
        assert changed.status_code == 200
        assert changed.headers["ETag"] == admin.get("/users/tagged").headers["ETag"] != seen
        assert admin.patch("/users/tagged", json={"display_name": "B"}, headers={"If-Match": seen}).status_code == 412
        assert admin.patch("/users/tagged", json={"display_name": "B"}, headers={"If-Match": "*"}).status_code == 200


def test_what_did_not_change_is_not_sent_again(ada: httpx.Client) -> None:
    tag = ada.get("/me").headers["ETag"]
    again = ada.get("/me", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize("cursor", ["x", "bnVsbA==", "WzEsMl0=", "é", "W251bGwsIDFd"])
def test_a_made_up_cursor_is_refused(ada: httpx.Client, cursor: str) -> None:
    answer = ada.get("/projects", params={"cursor": cursor})
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_an_unknown_parameter_method_or_body_is_a_problem(ada: httpx.Client) -> None:
    assert ada.get("/me", params={"colour": "red"}).status_code == 422
    wrong = ada.delete("/people")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET")
    assert wrong.headers["Content-Type"] == "application/problem+json"
    deep = b"[" * 100_000
    assert ada.post("/projects", content=deep).status_code == 422


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfiguredPlatform]:
    limited = ConfiguredPlatform(tmp_path_factory.mktemp("limited"), free_port())
    limited.settings = {"rate_limit_per_minute": "30"}
    limited.start()
    yield limited
    limited.collegium("down")


def test_who_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up(limited: ConfiguredPlatform) -> None:
    with closing(limited.client("busy")) as busy, closing(limited.client("calm")) as calm:
        answers = [busy.get("/me") for _ in range(35)]
        assert [a.status_code for a in answers][:30] == [200] * 30
        refused = answers[-1]
        assert refused.status_code == 429
        assert refused.json()["title"] == "Too many requests"
        assert 1 <= int(refused.headers["Retry-After"]) <= 3
        assert answers[0].headers["RateLimit-Limit"] == "30"
        assert int(answers[0].headers["RateLimit-Remaining"]) == 29
        assert calm.get("/me").status_code == 200


@given(st.integers(1, 100), st.lists(st.floats(0, 120), max_size=200))
def test_never_more_than_twice_the_limit_in_any_minute(limit: int, pauses: list[float]) -> None:
    now = 0.0
    limiter = RateLimiter(limit, lambda: now)
    passed: list[float] = []
    for pause in pauses:
        now += pause / 20
        verdict = limiter.take("somebody")
        assert verdict is not None
        if verdict.is_allowed:
            passed.append(now)
        assert verdict.is_allowed or verdict.retry_after_seconds >= 1
        assert 0 <= verdict.remaining <= limit
    for at in passed:
        assert sum(at <= other < at + 60 for other in passed) <= 2 * limit + 1


def test_what_is_generated_from_the_operations_is_up_to_date() -> None:
    root = Path(__file__).parents[2]
    kept = json.loads((root / "docs/api/openapi.json").read_text())
    ours = document(VERSION, API_PREFIX)
    assert kept["paths"].keys() == ours["paths"].keys(), "run `python -m hub.api > docs/api/openapi.json`"
    methods = [
        {item.name: ast.dump(item) for item in node.body if isinstance(item, ast.FunctionDef)}
        for text in ((root / "hub/api_client.py").read_text(), source())
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef)
    ]
    assert methods[0] == methods[1], "run `python -m hub.api client > hub/api_client.py`, then `make format`"


def test_the_typed_client_pages_repeats_and_tells_problems(platform: PlatformUnderTest, ada: httpx.Client) -> None:
    token = ada.post("/me/tokens", json={"name": "client", "scopes": ["write"]}).json()["token"]
    with Client(platform.url, token) as client:
        assert client.read_me().name == "qualities"
        names = {f"Paged {n}" for n in range(5)}
        for name in names:
            client.create_project(ProjectCreate(name=name))
        found = {str(p["name"]) for p in client.pages("/projects", {"search": "Paged", "limit": 2})}
        assert found == names
        with pytest.raises(ClientError, match="scope") as refused:
            client.list_users()
        assert refused.value.status == 403
        project = client.list_projects(search="Paged").items[0].id
        seen = client.send("GET", f"/projects/{project}").headers["ETag"]
        client.update_project(project, ProjectUpdate(description="new"))
        with pytest.raises(ClientError) as late:
            client.send("PATCH", f"/projects/{project}", ProjectUpdate(name="x"), if_match=seen)
        assert late.value.status == 412
    with pytest.raises(ClientError, match="does not answer"):
        Client(f"http://127.0.0.1:{free_port()}/", "clg_x", wait=lambda _seconds: None).read_me()
