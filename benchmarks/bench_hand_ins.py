"""A class hands in within a minute while the platform service is killed and starts again.

Run `python benchmarks/bench_hand_ins.py [--students 300] [--seconds 60] [--kills 2]`. Every student sends their own
files once, at a random moment, and repeats the request with the same key until an answer comes, as the button does.
Afterwards there must be a receipt and a submission for each, none twice, with the very files. There is no peer:
nbgrader's hand-in is a copy into a folder that everybody can write to.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import psutil
from sqlalchemy import select
from sqlalchemy.orm import Session

sys.path.insert(0, str(Path(__file__).parents[1]))

from courseware import CourseRole, assignments, courses
from courseware.courses import Person
from courseware.models import SubmissionRow
from courseware.notebooks import write_notebook
from courseware.policy import Caller
from courseware.receipts import is_authentic
from courseware.store import get_files
from hub.api.course_support import blob_store, receipt_key
from hub.data import access_tokens, users
from hub.data.engine import Database
from hub.policy import Scope
from hub.settings import Settings
from tests.courseware.small_assignment import HONEST, NAME, answered, source_notebook
from tests.platform_under_test import PlatformUnderTest, free_port

ANSWER_SECONDS = 15.0
GIVE_UP_SECONDS = 180.0


@dataclass
class Outcome:
    """What came of it.

    Attributes
    ----------
    receipts
        By student.
    requests, refused
        How many requests were sent, and how many of them had no answer or a 5xx.
    problems
        What must not be; empty when all is well.
    """

    receipts: dict[str, dict[str, object]] = field(default_factory=dict)
    requests: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)


def make_class(platform: PlatformUnderTest, course: str, students: int) -> dict[str, str]:
    """Make a course with a released assignment; return each student's access token."""
    settings = Settings.model_validate({"data_dir": platform.data_dir})
    stored = assignments.store_version(blob_store(settings), {NAME: write_notebook(source_notebook())})
    now = datetime.now(UTC)

    def work(session: Session) -> dict[str, str]:
        by = Caller("operator", True)
        names = [f"{course}-{number:03}" for number in range(students)]
        row = courses.create(session, course, "Storm", instructors=["admin"], by=by, now=now)
        assignment = assignments.create(session, row, "ps1", category="homework", by="admin", now=now)
        version = assignments.add_version(session, assignment, stored, by="admin", now=now)
        assignments.release(session, assignment, version, by="admin", now=now)
        tokens = {}
        for name in names:
            user = users.create(session, name, None, is_admin=False, by="operator", now=now)
            courses.enrol(session, row, Person(name, CourseRole.STUDENT), by="admin", now=now)
            tokens[name] = access_tokens.create(session, user, "storm", [Scope.COURSES], None, now)[1]
        return tokens

    database = Database(settings.database_url)
    try:
        return database.run(work)
    finally:
        database.close()


def work_of(name: str) -> dict[str, bytes]:
    """Return files that nobody else has."""
    return {NAME: write_notebook(answered(f"# {name}\n{HONEST}")), "who.txt": name.encode()}


async def storm(
    platform: PlatformUnderTest, course: str, tokens: dict[str, str], seconds: float, kills: int
) -> Outcome:
    """Let everybody hand in within some seconds, and kill the service meanwhile."""
    outcome = Outcome()
    files = {name: work_of(name) for name in tokens}
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_SECONDS) as client:
        await asyncio.gather(
            *(_hand_in(platform, client, course, name, tokens[name], files[name], seconds, outcome) for name in tokens),
            *(_kill(platform, (number + 0.5) * seconds / kills) for number in range(kills)),
        )
    outcome.problems += await asyncio.to_thread(check, platform, course, files, outcome.receipts)
    return outcome


def check(
    platform: PlatformUnderTest, course: str, files: dict[str, dict[str, bytes]], receipts: dict[str, dict[str, object]]
) -> list[str]:
    """Return what is wrong: lost, twice, forged or other files than were sent."""
    settings = Settings.model_validate({"data_dir": platform.data_dir})
    database, blobs, key = Database(settings.database_url), blob_store(settings), receipt_key(settings)
    try:
        rows = database.read(_rows, course)
    finally:
        database.close()
    counts = Counter(row.user_name for row in rows)
    problems = [f"{name}: {counts[name]} submissions" for name in files if counts[name] != 1]
    by_name = {row.user_name: row for row in rows}
    for name, sent in files.items():
        receipt, row = receipts.get(name), by_name.get(name)
        if receipt is None:
            problems.append(f"{name}: no receipt")
        elif row is not None and (receipt != row.receipt or not is_authentic(receipt, key)):
            problems.append(f"{name}: the receipt is not that of the submission")
        if row is not None and get_files(blobs, row.manifest) != sent:
            problems.append(f"{name}: other files than were sent")
    return problems


def _rows(session: Session, course: str) -> list[SubmissionRow]:
    assignment = assignments.get(session, course, "ps1")
    return list(session.scalars(select(SubmissionRow).where(SubmissionRow.assignment_id == assignment.id)))


async def _hand_in(
    platform: PlatformUnderTest,
    client: httpx.AsyncClient,
    course: str,
    name: str,
    token: str,
    files: dict[str, bytes],
    seconds: float,
    outcome: Outcome,
) -> None:
    body = {
        "files": [{"path": p, "content_base64": base64.b64encode(c).decode()} for p, c in files.items()],
        "request_key": f"storm-{name}",
    }
    await asyncio.sleep(random.uniform(0, seconds))
    until = time.monotonic() + GIVE_UP_SECONDS
    while time.monotonic() < until:
        outcome.requests += 1
        try:
            answer = await client.post(
                f"{platform.api}/courses/{course}/assignments/ps1/submissions",
                json=body,
                headers={"Authorization": f"Bearer {token}"},
            )
        except httpx.TransportError:
            outcome.refused += 1
            await asyncio.sleep(0.5)
            continue
        if answer.status_code == httpx.codes.CREATED:
            outcome.receipts[name] = answer.json()
            return
        if answer.status_code < 500:
            outcome.problems.append(f"{name}: {answer.status_code} {answer.text[:200]}")
            return
        outcome.refused += 1
        await asyncio.sleep(0.5)


async def _kill(platform: PlatformUnderTest, after: float) -> None:
    await asyncio.sleep(after)
    for process in await asyncio.to_thread(platform.processes):
        try:
            if "hub.service" in process.cmdline():
                process.kill()
        except psutil.NoSuchProcess:
            continue


def main() -> int:
    """Print what happened; fail when a hand-in was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kills", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        platform = PlatformUnderTest(Path(folder), free_port(), settings={"COLLEGIUM_GRADING_WORKERS": "0"})
        platform.start()
        try:
            tokens = make_class(platform, "storm", options.students)
            began = time.monotonic()
            outcome = asyncio.run(storm(platform, "storm", tokens, options.seconds, options.kills))
            took = time.monotonic() - began
        finally:
            platform.collegium("down")
    print(f"{options.students} students within {options.seconds:g} s, the service killed {options.kills} times")
    print(
        f"{len(outcome.receipts)} receipts after {took:.0f} s, {outcome.requests} requests, {outcome.refused} in vain"
    )
    print("\n".join(outcome.problems[:20]) or "none lost, none twice, every file as it was sent")
    return bool(outcome.problems)


if __name__ == "__main__":
    raise SystemExit(main())
