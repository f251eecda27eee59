"""A course from a folder of notebooks to the gradebook, by `courseware.client` alone."""

from __future__ import annotations

import contextlib
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from courseware.client import Course, RefusedError
from hub.cli.app import make_app
from tests.courseware.conftest import EXAMPLES
from tests.platform_under_test import PlatformUnderTest


def token(platform: PlatformUnderTest, name: str) -> str:
    with contextlib.closing(platform.client(name)) as client:
        answer = client.post("/me/tokens", json={"name": "script", "scopes": ["courses"]})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


@pytest.mark.timeout(600)
def test_a_course_is_scripted_from_end_to_end(platform: PlatformUnderTest, tmp_path: Path) -> None:
    teacher, student = token(platform, "script-ada"), token(platform, "script-ben")
    platform.collegium("course", "create", "scripted", "Scripted", "--instructor", "script-ada")
    with Course(platform.url, teacher, "scripted") as course, Course(platform.url, student, "scripted") as mine:
        assert course.enrol("user_name,first_name\nscript-ben,Ben\n") == ["script-ben"]
        version = course.add_assignment("ps1", EXAMPLES / "source/ps1", "homework")
        assert version.points > 0
        course.release("ps1")
        course.set_due("ps1", datetime(2020, 1, 1, tzinfo=UTC), late=timedelta(days=1), penalty_per_day=0.1)
        with pytest.raises(RefusedError, match="scripted"):
            mine.hand_in("ps1", EXAMPLES / "submitted/bitdiddle/ps1")
        course.extend("ps1", "script-ben", timedelta(days=36_500), exam_time=1.5)
        work = tmp_path / "work"
        shutil.copytree(EXAMPLES / "submitted/bitdiddle/ps1", work)
        (work / "measured.csv").write_text("1,2\n" * 150_000)  # too large for one request
        receipt = mine.hand_in("ps1", work)
        assert not receipt.is_late
        assert mine.hand_in("ps1", work) == receipt
        said = platform.collegium(
            "assignment", "hand-in", "scripted", "ps1", str(work), "--url", platform.url, "--token", student
        ).stdout
        assert f"submission {receipt.submission}\nSHA-256 {receipt.sha256}" in said
        assert course.wait_until_graded("ps1", 300) == {"done": 1}
        course.return_scores("ps1")
        (line,) = course.gradebook()
        assert (line.user_name, line.name) == ("script-ben", "Ben")
        assert (line.scores["ps1"] or 0) > 0
        assert line.needs_manual == ("ps1",)
        course.add_column("Talk", 20, "oral")
        course.set_scores("Talk", {"script-ben": 15}, note="heard")
        with pytest.raises(RefusedError, match="not from 0 to 20"):
            course.set_scores("Talk", {"script-ben": 21})
        with pytest.raises(RefusedError, match="no manual column"):
            course.set_scores("Speech", {"script-ben": 1})
        table = tmp_path / "grades.csv"

        def gradebook(*arguments: str) -> str:
            done = CliRunner().invoke(make_app("gradebook"), ["gradebook", *arguments], env=platform.env)
            assert done.exit_code == 0, done.output
            return done.output

        gradebook("export", "scripted", str(table))
        table.write_text(table.read_text().replace(",15.0,", ",16.0,"))
        assert (course.import_scores(table), course.import_scores(table)) == (1, 0)
        assert course.gradebook()[0].scores["Talk"] == 16
        gradebook("add-column", "scripted", "Quiz", "--points", "10", "--category", "oral")
        gradebook("set", "scripted", "quiz", "script-ben", "7.5", "--note", "late")
        gradebook("change-column", "scripted", "Quiz", "--new-name", "Test", "--returned")
        assert "Test  10      oral      returned" in gradebook("columns", "scripted")
        gradebook("export", "scripted", str(tmp_path / "grades.xlsx"))
        gradebook("set", "scripted", "Test", "script-ben", "excused")
        assert "7.5" in gradebook("import", "scripted", str(tmp_path / "grades.xlsx"), "--yes")
        assert "7.5" in gradebook("show", "scripted")
        gradebook("remove-column", "scripted", "Test")
        assert "Test" not in gradebook("show", "scripted")
        with pytest.raises(RefusedError):
            mine.gradebook()
