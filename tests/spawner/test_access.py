"""What a project's server believes about people's rights while the platform is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from jupyterhub.singleuser.extension import JupyterHubUser

from spawner import access
from spawner.access import NOTHING, OUTAGE_GRACE_SECONDS, AccessClient

EDITOR = {"user": {"name": "ada", "display_name": "Ada"}, "role": "editor", "capabilities": ["read", "write"]}


@dataclass
class Service:
    """A server that answers as told: the faults of the real one cannot be caused on demand."""

    status: int = 200
    body: dict[str, object] = field(default_factory=lambda: dict(EDITOR))
    questions: int = 0
    url: str = ""


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.questions += 1
            self.send_response(state.status)
            self.end_headers()
            self.wfile.write(json.dumps(state.body).encode())

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_an_answer_is_kept_for_the_set_time_and_then_asked_again(service: Service) -> None:
    clock = Clock()
    client = AccessClient(service.url, "t", cache_seconds=2, clock=clock)
    assert (await client.of("ada")).capabilities == {"read", "write"}
    clock.now += 1.9
    await client.of("ada")
    assert service.questions == 1
    clock.now += 0.2
    service.body = EDITOR | {"role": None, "capabilities": []}
    assert (await client.of("ada")).role is None


async def test_a_short_outage_changes_nothing_and_a_long_one_takes_all_rights(service: Service) -> None:
    clock = Clock()
    client = AccessClient(service.url, "t", cache_seconds=2, clock=clock)
    await client.of("ada")
    service.status = 503
    clock.now += OUTAGE_GRACE_SECONDS
    assert (await client.of("ada")).role == "editor"
    clock.now += 0.1
    assert await client.of("ada") == NOTHING


async def test_who_was_never_asked_about_has_no_rights_during_an_outage(service: Service) -> None:
    service.status = 500
    client = AccessClient(service.url, "t", cache_seconds=2)
    assert await client.of("eve") == NOTHING
    assert client.known(JupyterHubUser({"kind": "user", "name": "eve"})) == NOTHING


async def test_made_up_tokens_fill_no_memory(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_ANSWERS", 10)
    client = AccessClient(service.url, "t", cache_seconds=2)
    await client.of("ada")
    service.status = 401
    for number in range(50):
        assert await client.of(access.token_key(f"clg_{number}")) == NOTHING
    assert len(client._answers) <= 10
    service.status = 503
    assert (await client.of("ada")).role == "editor", "a member was forgotten"


async def test_a_refusal_is_not_an_outage(service: Service) -> None:
    clock = Clock()
    client = AccessClient(service.url, "t", cache_seconds=2, clock=clock)
    await client.of("ada")
    service.status = 404  # the project or the account is gone
    clock.now += 3
    assert await client.of("ada") == NOTHING
