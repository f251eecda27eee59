"""Schedules, triggers and notices: when they are due, that restarts lose and double nothing, where they may lead."""

from __future__ import annotations

import contextlib
import http.server
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller

from hub import pipeline_notices
from hub.api.context import Platform
from hub.data import projects, users
from hub.data.engine import Database
from hub.errors import InvalidError
from hub.mail import Mailer
from hub.pipeline_notices import SIGNATURE_HEADER, check_address, post, public_address, signature
from hub.project_pipelines import ProjectPipelines
from hub.settings import Settings
from pipelines.graph import NoticeRow, ScheduleError, next_time, times_between
from pipelines.graph.cron import check
from tests.platform_under_test import PlatformUnderTest, free_port

NOTEBOOKS = Path(__file__).parent / "notebooks"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        ("0 6 * * *", "UTC", "2026-11-21T12:00", "2026-11-22T06:00"),
        ("0 6 * * *", "Europe/Brussels", "2026-07-01T12:00", "2026-07-02T04:00"),
        ("0 6 * * *", "Europe/Brussels", "2026-12-01T12:00", "2026-12-02T05:00"),
        ("30 2 * * *", "Europe/Brussels", "2026-03-28T12:00", "2026-03-29T01:30"),  # 2:30 is left out: 3:30
        ("30 2 * * *", "Europe/Brussels", "2026-10-24T12:00", "2026-10-25T00:30"),  # it comes twice: the first
        ("30 2 * * *", "Europe/Brussels", "2026-10-25T00:30", "2026-10-26T01:30"),  # and only once
        ("0 9 * * 1-5", "UTC", "2026-11-20T12:00", "2026-11-23T09:00"),
    ],
)
def test_a_schedule_is_read_in_its_time_zone(cron: str, zone: str, after: str, expected: str) -> None:
    found = next_time(cron, zone, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_a_date_that_never_comes_is_never_due() -> None:
    assert next_time("0 0 30 2 *", "UTC", NOON) is None


@pytest.mark.parametrize(("cron", "zone"), [("* * * *", "UTC"), ("61 * * * *", "UTC"), ("0 6 * * *", "Mars/Base")])
def test_a_wrong_schedule_is_refused_with_what_is_right(cron: str, zone: str) -> None:
    with pytest.raises(ScheduleError, match=r"six o'clock|Europe/Brussels"):
        check(cron, zone)


def test_the_times_of_an_interval_include_its_ends() -> None:
    times = times_between("0 * * * *", "UTC", NOON, NOON + timedelta(hours=2), 10)
    assert times == [NOON, NOON + timedelta(hours=1), NOON + timedelta(hours=2)]


class Here:
    """A service without its web server, on a clock of its own."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = Settings(data_dir=folder, port=free_port(), **settings)
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        self.database = Database(self.settings.database_url)
        self.database.migrate()
        self.now = NOON
        self.platform = Platform(self.settings, self.database, None, lambda: self.now, Mailer(self.settings))  # type: ignore[arg-type]
        self.pipelines = ProjectPipelines(self.platform)

    def make_project(self) -> str:
        def work(session: Any) -> str:
            owner = users.create(session, "ada", "Ada", is_admin=False, by="test", now=NOON)
            users.set_email(session, owner, "ada@example.org", verified=True, by="test", now=NOON)
            return str(projects.create(session, "P", "", owner, NOON).id)

        project = self.database.run(work)
        files = self.pipelines.files(project)
        files.mkdir(parents=True)
        shutil.copy(NOTEBOOKS / "many_cells.ipynb", files)
        shutil.copy(NOTEBOOKS / "fails_in_third_cell.ipynb", files)
        return project

    def restart(self) -> None:
        self.pipelines.close()
        self.pipelines = ProjectPipelines(self.platform)
        self.pipelines.start()

    def ended(self, project: str, count: int) -> list[Any]:
        history = self.pipelines.of(project).history
        deadline = time.monotonic() + 240
        while True:
            runs = history.runs()
            done = [run for run in runs if run.status in ("ok", "failed")]
            if len(done) >= count:
                return runs
            assert time.monotonic() < deadline, runs
            time.sleep(0.2)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    # Sockets have short paths, pytest's folders long ones.
    here = Here(tmp_path)
    yield here
    here.pipelines.close()
    here.database.close()


def test_a_schedule_runs_once_per_time_through_restarts_and_makes_up_for_one_missed_time(here: Here) -> None:
    project = here.make_project()
    row = here.pipelines.automation.add_schedule(project, "many_cells.ipynb", {}, ("0 * * * *", "UTC"), "ada", NOON)
    here.pipelines.tick(NOON)
    assert here.pipelines.of(project).history.runs() == []
    due = NOON + timedelta(hours=1, seconds=1)
    here.pipelines.tick(due)
    here.pipelines.tick(due)
    here.restart()
    here.pipelines.tick(due)
    (run,) = here.ended(project, 1)
    assert run.status == "ok"
    assert run.origin["scheduled_for"] == "2026-11-21T13:00:00+00:00"
    here.pipelines.tick(NOON + timedelta(hours=5, minutes=30))  # 14, 15, 16 and 17 o'clock were missed
    newest = here.ended(project, 2)[0]
    assert newest.origin["scheduled_for"] == "2026-11-21T17:00:00+00:00"
    assert len(here.pipelines.of(project).history.runs()) == 2

    here.pipelines.automation.pause(row, True, NOON)
    here.pipelines.tick(NOON + timedelta(days=2))
    assert len(here.pipelines.of(project).history.runs()) == 2


def test_a_schedule_ends_with_the_rights_of_whoever_made_it(here: Here) -> None:
    project = here.make_project()
    here.pipelines.automation.add_schedule(project, "many_cells.ipynb", {}, ("* * * * *", "UTC"), "mallory", NOON)
    here.pipelines.tick(NOON + timedelta(minutes=2))
    assert here.pipelines.of(project).history.runs() == []
    (row,) = here.pipelines.automation.schedules(project)
    assert "There is no project" in row.problem


def test_a_models_inputs_are_watched_by_the_clock_and_a_drift_is_told(here: Here) -> None:
    project = here.make_project()
    shutil.copytree(EXAMPLES / "pipeline_monitoring", here.pipelines.files(project) / "watch")
    kept, file = here.pipelines.automation, "watch/pipeline.yaml"
    kept.add_notice(NoticeRow("", project, "monitoring", "failure", "email", "ada", "", "ada", NOON))
    for values in ({}, {"shift": 8.0}):
        kept.add_schedule(project, file, values, ("0 13 * * *", "UTC"), "ada", NOON)
    here.pipelines.tick(NOON + timedelta(hours=1))
    runs = {run.parameters["shift"]: run for run in here.ended(project, 2)}
    assert {shift: run.status for shift, run in runs.items()} == {0.0: "ok", 8.0: "failed"}
    history = here.pipelines.of(project).history
    moved = history.item(runs[8.0].id, "alert", 0)
    assert moved.error["value"] == "Inputs of the model have moved on 2026-11-21T13:00:00+00:00: age"
    steady = [row.values for row in history.items(runs[0.0].id, "compare")]
    assert all(values["psi"] < 0.1 and 0 < values["ks"] < 0.1 and values["p_value"] > 0.001 for values in steady)
    assert history.item(runs[0.0].id, "alert", 0).status == "skipped"
    deadline = time.monotonic() + 180
    while not kept.notices(project)[0].last_status:
        assert time.monotonic() < deadline
        time.sleep(0.1)

    here.pipelines.tick(NOON + timedelta(days=1, hours=1))
    tomorrow = here.ended(project, 4)[0]
    statuses = {row.step: row.status for row in history.items(tomorrow.id)}
    assert (statuses["reference"], statuses["live"]) == ("reused", "ok")  # another day, other inputs


class Receiver(http.server.BaseHTTPRequestHandler):
    """A webhook's other end; it refuses the first request."""

    seen: list[tuple[bytes, str]] = []  # noqa: RUF012 - the server makes a handler per request

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((body, self.headers[SIGNATURE_HEADER]))
        self.send_response(500 if len(self.seen) == 1 else 204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        return


def test_a_failure_is_told_to_a_signed_webhook_and_by_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mails: list[Any] = []

    class Inbox:
        async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
            mails.append(envelope)
            return "250 OK"

    monkeypatch.setattr(pipeline_notices, "ALLOW_INTERNAL", True)
    monkeypatch.setattr(pipeline_notices, "FIRST_WAIT_SECONDS", 0.1)
    Receiver.seen.clear()
    hook = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    inbox = Controller(Inbox(), hostname="127.0.0.1", port=free_port())
    inbox.start()
    mail = {"smtp_host": "127.0.0.1", "smtp_port": inbox.port, "smtp_security": "none", "mail_from": "p@example.org"}
    here = Here(tmp_path, **mail)
    try:
        project = here.make_project()
        kept = here.pipelines.automation
        url = f"http://127.0.0.1:{hook.server_port}/hook?x=1"
        made = kept.add_notice(NoticeRow("", project, "", "failure", "webhook", url, "", "ada", NOON))
        kept.add_notice(NoticeRow("", project, "", "failure", "email", "ada", "", "ada", NOON))
        kept.add_notice(NoticeRow("", project, "", "success", "email", "ada", "", "ada", NOON))
        run = here.pipelines.of(project).create(here.pipelines.files(project) / "fails_in_third_cell.ipynb")
        here.pipelines.workspaces.begin(project, run.id)
        deadline = time.monotonic() + 180
        while len(Receiver.seen) < 2 or not mails or not all(n.last_status for n in kept.notices(project)[:2]):
            assert time.monotonic() < deadline, kept.notices(project)
            time.sleep(0.2)
        body, signed = Receiver.seen[-1]
        at = int(signed.partition(",")[0].removeprefix("t="))
        assert signed == f"t={at},v1={signature(made.secret, at, body)}"
        assert f'"run": "{run.id}"'.encode() in body
        assert [mail.rcpt_tos for mail in mails] == [["ada@example.org"]]
        assert b"failed" in mails[0].content
        assert kept.notices(project)[0].last_status.endswith("answered 204")
    finally:
        here.pipelines.close()
        here.database.close()
        hook.shutdown()
        inbox.stop()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]"]
)
def test_webhooks_do_not_lead_inside(host: str) -> None:
    with pytest.raises((InvalidError, OSError)):
        public_address(host.strip("[]"), 443)
    with pytest.raises((InvalidError, OSError)):
        post(f"http://{host}:80/", b"{}", {})


@pytest.mark.parametrize("url", ["http://example.org/", "ftp://example.org", "https://user@example.org/", "nonsense"])
def test_a_webhook_is_an_https_address(url: str) -> None:
    with pytest.raises(InvalidError):
        check_address(url)


def test_triggers_and_backfills_through_http(platform: PlatformUnderTest) -> None:
    with contextlib.closing(platform.client("automator")) as client:
        project = client.post("/projects", json={"name": "By itself"}).json()["id"]
        files = platform.data_dir / "projects" / project / "files"
        files.mkdir(parents=True, exist_ok=True)
        shutil.copy(NOTEBOOKS / "many_cells.ipynb", files)
        here = f"/automation/{project}"
        trigger = client.post(f"{here}/triggers", json={"file": "many_cells.ipynb"}).json()
        call = {"idempotency_key": "build-17"}
        first = httpx.post(trigger["url"], json=call)
        assert first.status_code == 202, first.text
        assert httpx.post(trigger["url"], json=call).json()["run"] == first.json()["run"]
        other = httpx.post(trigger["url"], json={"idempotency_key": "build-18"}).json()["run"]
        assert other != first.json()["run"]
        assert httpx.post(trigger["url"] + "x", json=call).status_code == 404
        shown = client.get(here).json()["triggers"][0]
        assert shown["url"] is None
        assert shown["used_at"]

        wrong = client.post(f"{here}/schedules", json={"file": "many_cells.ipynb", "cron": "tomorrow"})
        assert wrong.status_code == 422
        body = {"file": "many_cells.ipynb", "cron": "0 6 * * *", "timezone": "Europe/Brussels"}
        schedule = client.post(f"{here}/schedules", json=body).json()
        span = {"since": "2026-11-01T00:00:00Z", "until": "2026-11-02T23:00:00Z"}
        made = client.post(f"{here}/schedules/{schedule['id']}/backfills", json=span).json()["items"]
        assert [run["scheduled_for"] for run in made] == ["2026-11-01T05:00:00Z", "2026-11-02T05:00:00Z"]
        again = client.post(f"{here}/schedules/{schedule['id']}/backfills", json=span).json()["items"]
        assert [run["id"] for run in again] == [run["id"] for run in made]
        paused = client.patch(f"{here}/schedules/{schedule['id']}", json={"paused": True}).json()
        assert paused["next_at"] is None
        hook = {"kind": "webhook", "target": "https://127.0.0.1/x"}
        assert client.post(f"{here}/notices", json=hook).status_code == 422
        assert client.delete(f"{here}/{trigger['id']}").status_code == 204
        assert httpx.post(trigger["url"], json=call).status_code == 404
