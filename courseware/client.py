"""Script a course over HTTP: from a folder of notebooks to a gradebook.

    from courseware.client import Course

    with Course("https://notebooks.example.org/", token, "physics") as physics:
        physics.add_assignment("ps1", Path("ps1"))
        physics.release("ps1")
        physics.set_due("ps1", datetime(2026, 11, 30, 23, tzinfo=UTC), late=timedelta(days=3), penalty_per_day=0.1)
        ...
        physics.wait_until_graded("ps1")
        physics.return_scores("ps1")
        for line in physics.gradebook():
            print(line.user_name, line.scores["ps1"], line.letter)

It needs a personal access token with the scope “courses”, and no access to the machine of the platform. Every operation
of the API, these and the others, is a method of `hub.api_client.Client`.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from courseware.errors import CoursewareError
from courseware.folders import contents

API = "/services/collegium/api"
ATTEMPTS = 5
INLINE_LIMIT_CHARACTERS = 400_000
FILE_LIMIT_BYTES = 740_000
TEMPORARY = frozenset({429, 503})


class RefusedError(CoursewareError):
    """The platform refused, or does not answer; the message says why."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an assignment that was added: its number, and the points that it gives at most."""

    number: int
    points: float


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a hand-in was answered with.

    Attributes
    ----------
    submission
        Number of the submission.
    received_at
        When, aware.
    is_late
        Whether it came after the due time.
    sha256
        Digest of everything that was handed in.
    """

    submission: int
    received_at: datetime
    is_late: bool
    sha256: str


@dataclass(frozen=True, slots=True)
class Line:
    """A student's line in the gradebook.

    Attributes
    ----------
    scores
        By assignment and manual column; `None` where there is none yet, or the student is excused.
    total
        Fraction of the course's points, `None` while nothing counts.
    letter
        By the course's scale, if it has one.
    needs_manual
        Assignments in which a person has to look.
    """

    user_name: str
    name: str
    scores: Mapping[str, float | None]
    total: float | None
    letter: str | None
    needs_manual: tuple[str, ...]


class Course(AbstractContextManager["Course"]):
    """A course on a platform.

    Every method raises `RefusedError` when the platform refuses or does not answer.

    Parameters
    ----------
    url
        Address of the platform.
    token
        A personal access token.
    course
        Id of the course.
    timeout_seconds
        How long one answer may take.
    """

    def __init__(self, url: str, token: str, course: str, *, timeout_seconds: float = 180) -> None:
        self._course = course
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}{API}/courses/{course}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout_seconds,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def enrol(self, roster_csv: str) -> list[str]:
        """Enrol who is in a roster (CSV with a header line); return the user names. One wrong line enrols nobody."""
        return [row["user_name"] for row in self._call("POST", "/roster", {"csv": roster_csv})["items"]]

    def add_assignment(self, name: str, folder: Path, category: str = "assignments") -> Version:
        """Add a folder of notebooks with solutions and tests; as a new version where the assignment is there."""
        names = {row["name"] for row in self._call("GET", "/assignments")["items"]}
        if name not in names:
            self._call("POST", "/assignments", {"name": name, "category": category})
        made = self._call("POST", f"/assignments/{name}/versions", {"files": self._files(folder)})
        return Version(made["number"], made["points"])

    def release(self, name: str, version: int | None = None) -> None:
        """Make a version, the newest by default, the one that students get."""
        self._call("POST", f"/assignments/{name}/release", {"version": version})

    def set_due(
        self, name: str, due_at: datetime, *, late: timedelta = timedelta(0), penalty_per_day: float = 0.0
    ) -> None:
        """Set when an assignment is due (aware), how long it is still taken, and what a begun day costs (0 to 1)."""
        if due_at.tzinfo is None:
            raise ValueError(f"a time without a zone: {due_at!r}")
        changes = {"due_at": due_at.isoformat(), "late_window_seconds": late.total_seconds()}
        penalty = {"fraction_per_step": penalty_per_day}
        self._call("PATCH", f"/assignments/{name}/schedule", {**changes, "penalty": penalty})

    def extend(self, name: str, user_name: str, by: timedelta, *, exam_time: float = 1.0) -> None:
        """Grant a student more time, and a multiple of an exam's."""
        granted = {"user_name": user_name, "extension_seconds": by.total_seconds(), "time_multiplier": exam_time}
        self._call("PUT", f"/assignments/{name}/accommodations", granted)

    def excuse(self, name: str, user_name: str) -> None:
        """Excuse a student: the assignment does not count for them."""
        self._call("PUT", f"/assignments/{name}/accommodations", {"user_name": user_name, "is_excused": True})

    def limit_grader(
        self, user_name: str, *, sections: Collection[str] = (), assignments: Collection[str] = ()
    ) -> None:
        """Make somebody grader of some sections and assignments only; without any, of everything."""
        limits = {"graded_sections": list(sections), "graded_assignments": list(assignments)}
        self._call("PUT", f"/people/{user_name}", {"role": "grader", **limits})

    def hand_in(self, name: str, folder: Path) -> Receipt:
        """Hand in a folder as the owner of the token; the same files again give the same receipt."""
        found = self._call("POST", f"/assignments/{name}/submissions", {"files": self._files(folder)})
        received = datetime.fromisoformat(found["received_at"])
        return Receipt(found["submission"], received, found["late_seconds"] > 0, found["sha256"])

    def grade(self, name: str) -> None:
        """Put all hand-ins into the queue, again where they were graded; marks of people stay."""
        self._call("POST", f"/assignments/{name}/gradings", {})

    def wait_until_graded(self, name: str, timeout_seconds: float = 3600) -> Mapping[str, int]:
        """Wait until nothing is queued or running; return how many gradings ended in which way."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            states: dict[str, int] = self._call("GET", f"/assignments/{name}/gradings")["states"]
            if not states.get("queued") and not states.get("running"):
                return states
            if time.monotonic() > deadline:
                raise RefusedError(f"After {timeout_seconds:g} s gradings of “{name}” are not done: {states}.")
            time.sleep(0.5)

    def return_scores(self, name: str) -> None:
        """Let students see their scores and feedback."""
        self._call("POST", f"/assignments/{name}/feedback")

    def gradebook(self) -> list[Line]:
        """Return the gradebook, a line for each student."""
        return list(map(_line, self._call("GET", "/gradebook")["rows"]))

    def add_column(
        self,
        name: str,
        points: float,
        category: str = "assignments",
        *,
        extra_credit: bool = False,
        returned: bool = False,
    ) -> None:
        """Add a column to the gradebook whose scores people give; students see it when it is returned."""
        flags = {"is_extra_credit": extra_credit, "is_returned": returned}
        self._call("POST", "/columns", {"name": name, "points": points, "category": category, **flags})

    def set_scores(self, column: str, scores: Mapping[str, float | None], note: str | None = None) -> None:
        """Set scores of a manual column by user name, all or none; `None` takes one away."""
        known = {row["name"]: row["id"] for row in self._call("GET", "/columns")["items"]}
        if column not in known:
            raise RefusedError(f"The gradebook of “{self._course}” has no manual column “{column}”.")
        revisions = {
            row["user_name"]: cell["revision"]
            for row in self._call("GET", "/gradebook")["rows"]
            for cell in row["columns"]
            if cell["column_id"] == known[column]
        }
        entries = [
            {"user_name": name, "score": score, "revision": revisions.get(name, 0), "note": note}
            for name, score in scores.items()
        ]
        self._call("PUT", f"/columns/{known[column]}/scores", {"scores": entries})

    def import_scores(self, table: Path) -> int:
        """Set scores of manual columns from a CSV or XLSX file, all or none; return how many changed."""
        content = base64.b64encode(table.read_bytes()).decode()
        found = self._call("POST", "/gradebook/imports", {"content_base64": content})
        if found["problems"]:
            raise RefusedError(f"“{table.name}” cannot be imported: {' '.join(found['problems'])}")
        self._call("POST", "/gradebook/imports", {"content_base64": content, "digest": found["digest"]})
        return len(found["changes"])

    def _files(self, folder: Path) -> list[dict[str, str]]:
        """Return the files of a folder as requests have them; what is too large for one is uploaded before."""
        files: list[dict[str, str]] = []
        room = INLINE_LIMIT_CHARACTERS
        for name, content in contents(folder):
            if len(content) > FILE_LIMIT_BYTES:
                size = f"“{name}” has {len(content)} bytes; a request takes files of {FILE_LIMIT_BYTES}"
                raise RefusedError(f"{size}. Put it into the project, and hand in from there.")
            encoded = base64.b64encode(content).decode()
            if len(encoded) <= room:
                room -= len(encoded)
                files.append({"path": name, "content_base64": encoded})
            else:
                ticket = self._call("POST", "/uploads", {"content_base64": encoded})["ticket"]
                files.append({"path": name, "ticket": ticket})
        return files

    def _call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        headers = {"Idempotency-Key": secrets.token_hex(16)} if method == "POST" else {}
        for attempt in range(ATTEMPTS):
            try:
                response = self._http.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                if attempt == ATTEMPTS - 1:
                    raise RefusedError(f"The platform does not answer: {error}") from error
            else:
                if response.status_code not in TEMPORARY or attempt == ATTEMPTS - 1:
                    return _checked(response, self._course)
            time.sleep(0.2 * 2**attempt)
        raise AssertionError("the last attempt returns or raises")


def _checked(response: httpx.Response, course: str) -> dict[str, Any]:
    if response.is_success:
        return dict(response.json()) if response.content else {}
    try:
        problem = response.json()
        told = problem.get("detail") or problem.get("title") or response.text
    except (ValueError, AttributeError):
        told = response.text[:500]
    raise RefusedError(f"Course “{course}”: {told} ({response.status_code})")


def _line(row: Mapping[str, Any]) -> Line:
    cells = {cell["assignment"]: cell for cell in row["cells"]}
    return Line(
        user_name=row["user_name"],
        name=f"{row['first_name']} {row['last_name']}".strip(),
        scores={name: cell["score"] for name, cell in cells.items()}
        | {cell["name"]: cell["score"] for cell in row["columns"]},
        total=row["total"],
        letter=row["letter"],
        needs_manual=tuple(name for name, cell in cells.items() if cell["needs_manual"]),
    )
