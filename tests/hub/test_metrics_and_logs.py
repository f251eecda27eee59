"""What an operator sees: metrics for Prometheus, the dashboard made of them, logs that carry request ids."""

from __future__ import annotations

import json
import re
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.platform_under_test import PlatformUnderTest

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana" / "collegium.json"
METRIC = re.compile(r"\b(?:collegium|jupyterhub|process)_[a-z_]+")


def ask(platform: PlatformUnderTest, path: str, token: str | None = None) -> httpx.Response:
    given = (platform.data_dir / "secrets" / "metrics").read_text().strip() if token is None else token
    headers = {"Authorization": f"Bearer {given}"} if given else {}
    return httpx.get(f"{platform.url}{path}", headers=headers, trust_env=False, timeout=180)


def samples(text: str) -> dict[str, float]:
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@pytest.mark.parametrize("path", ["/services/collegium/metrics", "/hub/metrics"])
@pytest.mark.parametrize("token", ["", "wrong"])
def test_metrics_are_for_the_holder_of_their_token(platform: PlatformUnderTest, path: str, token: str) -> None:
    assert ask(platform, path, token).status_code in (401, 403)
    assert ask(platform, path).status_code == 200


def test_the_metrics_token_opens_nothing_else(platform: PlatformUnderTest) -> None:
    for path in ("/services/collegium/api/users", "/services/collegium/api/projects", "/hub/api/users"):
        assert ask(platform, path).status_code in (401, 403), path


def test_metrics_are_true(platform: PlatformUnderTest) -> None:
    with closing(platform.client("metricist")) as client:
        before = samples(ask(platform, "/services/collegium/metrics").text)
        made = client.post("/projects", json={"name": "Counted"}).raise_for_status().json()
        assert client.get(f"/projects/{made['id'][:-1]}0").status_code == 404
        after = samples(ask(platform, "/services/collegium/metrics").text)
    created = 'collegium_requests_total{method="POST",operation="create_project",status="201"}'
    assert after["collegium_projects"] == before["collegium_projects"] + 1
    assert after[created] == before.get(created, 0) + 1
    assert 'collegium_requests_total{method="GET",operation="read_project",status="404"}' in after
    assert after['collegium_part_up{part="database"}'] == after['collegium_part_up{part="hub"}'] == 1
    assert after["collegium_data_free_bytes"] > 0
    assert not any(made["id"] in name for name in after), "a label a project would grow without bound"


def test_the_dashboard_shows_metrics_that_there_are(platform: PlatformUnderTest) -> None:
    there = ask(platform, "/services/collegium/metrics").text + ask(platform, "/hub/metrics").text
    families = set(re.findall(r"^# TYPE (\S+) ", there, re.MULTILINE))
    dashboard = json.loads(DASHBOARD.read_text())
    shown = {name for p in dashboard["panels"] for t in p.get("targets", ()) for name in METRIC.findall(t["expr"])}
    unknown = {
        name for name in shown if not {name, name.removesuffix("_bucket"), name.removesuffix("_total")} & families
    }
    assert len(shown) > 10
    assert not unknown


def test_json_logs_are_json_and_carry_the_request_id(own_platform: PlatformUnderTest) -> None:
    own_platform.collegium("up", "--detach", COLLEGIUM_LOG_FORMAT="json")
    answer = httpx.get(f"{own_platform.api}/me", headers={"X-Request-ID": "find-me-again"}, trust_env=False)
    assert answer.headers["X-Request-ID"] == "find-me-again"
    logs = own_platform.data_dir / "logs"
    deadline = time.monotonic() + 180
    while "find-me-again" not in (logs / "service.log").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)  # a line is written when the answer has gone
    service = [json.loads(line) for line in (logs / "service.log").read_text().splitlines()]
    found = [line for line in service if line["request_id"] == "find-me-again"]
    assert [(line["method"], line["status"]) for line in found] == [("GET", 401)]
    assert all(line["level"] and line["logger"] and line["time"] for line in service)
    hub = [json.loads(line) for line in (logs / "hub.log").read_text().splitlines()]
    assert any("JupyterHub" in line["message"] for line in hub)
