"""Parts of people, groups, due times and extensions, set from the command line."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from hub.cli.app import make_app
from tests.platform_under_test import PlatformUnderTest

Command = Callable[..., str]
PENALTY = {"fraction_per_step": 0.1, "step_seconds": 86_400, "cap": 1, "table": []}


@pytest.fixture
def command(platform: PlatformUnderTest, monkeypatch: pytest.MonkeyPatch) -> Command:
    for name, value in platform.env.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(make_app(arguments[0]), arguments)
        if done.exit_code:
            raise AssertionError(f"{done.output} {done.exception}")
        return re.sub(r" +", " ", done.output)

    return run


@pytest.fixture(scope="module")
def course(platform: PlatformUnderTest) -> str:
    for name in ("cli-anna", "cli-greg"):
        platform.add_user(name)
    platform.operate("POST", "/courses", {"id": "cli", "title": "Commands", "instructors": ["admin"]})
    platform.operate("PUT", "/courses/cli/people/cli-anna", {"section": "A"})
    platform.operate("POST", "/courses/cli/assignments", {"name": "ps1"})
    return "cli"


def test_a_grader_is_limited_and_let_go(command: Command, course: str) -> None:
    greg = ("course", "enrol", course, "cli-greg", "--role", "grader")
    assert "grader (section A, ps1 only)" in command(*greg, "--only-section", "A", "--only-assignment", "ps1")
    assert "grader (section A, ps1 only)" in command("course", "people", course)
    assert "grader (section A, ps1 only)" in command(*greg)  # what is not named stays
    assert "is grader of" in command(*greg, "--everything")
    with pytest.raises(AssertionError, match="no section “Z”"):
        command(*greg, "--only-section", "Z")
    command("course", "leave", course, "cli-greg")
    assert "cli-greg" not in command("course", "people", course)


def test_what_a_due_time_does_not_name_stays(command: Command, platform: PlatformUnderTest, course: str) -> None:
    path = f"/courses/{course}/assignments/ps1/schedule"
    times = {"release_at": "2026-11-01T08:00:00Z", "grace_seconds": 300, "late_window_seconds": 3600}
    platform.operate("PUT", path, {**times, "penalty": {"fraction_per_step": 0.1}})
    command("assignment", "due", course, "ps1", "2026-11-30T23:00")

    def schedule() -> dict[str, object]:
        (item,) = platform.operate("GET", f"/courses/{course}/assignments").json()["items"]
        found: dict[str, object] = item["schedule"]
        return found

    due = {"due_at": "2026-11-30T23:00:00Z", "time_limit_seconds": None, "penalty": PENALTY}
    assert schedule() == times | due
    command("assignment", "due", course, "ps1", "2026-12-01T23:00", "--late-without-end", "--penalty", "0.5")
    late = {"due_at": "2026-12-01T23:00:00Z", "late_window_seconds": None}
    assert schedule() == times | due | late | {"penalty": PENALTY | {"fraction_per_step": 0.5}}
    with pytest.raises(AssertionError, match="before it is released"):
        command("assignment", "due", course, "ps1", "2026-10-01T23:00")
    assert schedule()["due_at"] == late["due_at"]


def test_extensions_are_granted_listed_and_taken_back(command: Command, course: str) -> None:
    one = (course, "ps1")
    assert "nothing" not in command("assignment", "extend", *one, "--student", "cli-anna", "--days", "2")
    command("assignment", "extend", *one, "--section", "A", "--due", "2027-01-05T12:00", "--exam-time", "1.5")
    listed = command("assignment", "extensions", *one)
    assert "cli-anna 48 h more" in listed
    assert "section A due 2027-01-05 12:00 UTC, 1.5 times the time of the exam" in listed
    command("assignment", "excuse", *one, "--student", "cli-anna")
    assert "cli-anna excused" in command("assignment", "extensions", *one)
    command("assignment", "take-back", *one, "--student", "cli-anna")
    assert "cli-anna" not in command("assignment", "extensions", *one)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--student", "cli-anna"), "Say what is granted"),
        (("--days", "1"), "Name either"),
        (("--days", "1", "--student", "cli-anna", "--section", "A"), "Name either"),
        (("--days", "1", "--student", "nobody-here"), "Nobody in the course"),
    ],
)
def test_a_grant_that_says_too_little_is_refused(
    command: Command, course: str, arguments: tuple[str, ...], told: str
) -> None:
    with pytest.raises(AssertionError, match=told):
        command("assignment", "extend", course, "ps1", *arguments)


def test_a_group_is_linked_followed_and_let_go(command: Command, platform: PlatformUnderTest, course: str) -> None:
    platform.add_user("cli-gina")
    command("group", "add", "cli-friends", "cli-gina")
    assert "“cli-friends”: 1 of 1 are in the course as auditor." in command(
        "course", "link-group", course, "cli-friends", "--role", "auditor"
    )
    assert "cli-gina auditor cli-friends" in command("course", "people", course)
    command("group", "delete", "cli-friends")
    assert "no such group" in command("course", "sync-groups", course)
    command("course", "unlink-group", course, "cli-friends")
