"""The tables of class management are made, and taken back, in both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from courseware import rubric_models as _rubric_models  # noqa: F401 - importing declares its tables
from courseware.migration import MIGRATIONS, migrate
from courseware.models import Base
from hub.data.engine import Database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


def to(database: Database, revision: str, *, up: bool) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        (command.upgrade if up else command.downgrade)(config, revision)
        connection.commit()


def test_migrations_make_exactly_the_tables_of_the_models_and_can_be_taken_back(database: Database) -> None:
    migrate(database.engine)
    migrate(database.engine)
    with database.engine.connect() as connection:
        ours = {
            "include_name": lambda name, kind, _parents: kind != "table" or name in Base.metadata.tables,
            "compare_type": False,  # SQLite tells one kind of float from another, and means the same
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=ours), Base.metadata) == []
    to(database, "base", up=False)
    assert not set(inspect(database.engine).get_table_names()) & set(Base.metadata.tables)


def test_who_was_enrolled_before_graders_had_limits_has_none(database: Database) -> None:
    to(database, "0007", up=True)
    with database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO courses (id, title, term, time_zone, grading, created_at)"
                " VALUES ('old', 'Old', '', 'UTC', '{}', '2026-01-01')"
            )
        )
        connection.execute(
            text(
                "INSERT INTO course_enrolments (course_id, user_name, role, section, student_id, first_name,"
                " last_name, email, since) VALUES ('old', 'greg', 'grader', '', '', '', '', '', '2026-01-01')"
            )
        )
    migrate(database.engine)
    with database.engine.connect() as connection:
        row = connection.execute(text("SELECT * FROM course_enrolments")).mappings().one()
        assert [row[name] for name in ("graded_sections", "graded_assignments")] in ([[], []], ["[]", "[]"])
        assert row["hub_group"] == ""
    to(database, "0007", up=False)
    with database.engine.connect() as connection:
        assert connection.execute(text("SELECT user_name FROM course_enrolments")).scalar_one() == "greg"


def test_rubrics_of_cells_become_a_library_and_cells_again(database: Database) -> None:
    to(database, "0009", up=True)
    with database.engine.begin() as connection:
        for statement in (
            "INSERT INTO courses (id, title, term, time_zone, grading, created_at)"
            " VALUES ('old', 'Old', '', 'UTC', '{}', '2026-01-01')",
            "INSERT INTO course_assignments (id, course_id, name, category, is_extra_credit, schedule, settings,"
            " created_at) VALUES (1, 'old', 'ps1', 'h', false, '{}', '{}', '2026-01-01'),"
            " (2, 'old', 'ps2', 'h', false, '{}', '{}', '2026-01-01')",
            "INSERT INTO course_assignment_versions (id, assignment_id, number, source_manifest, graded_manifest,"
            " released_manifest, structure, points, created_at, created_by)"
            " VALUES (1, 2, 1, '', '', '', '{}', 1, '2026-01-01', 'ada')",
            "INSERT INTO course_submissions (id, assignment_id, version_id, user_name, request_key, manifest, origin,"
            " received_at, late_seconds, penalty_fraction, receipt, is_counted, is_chosen, state, points, needs_manual)"
            " VALUES (1, 2, 1, 'alice', '', '', '', '2026-01-01', 0, 0, '{}', true, false, 'graded', 1, false)",
            "INSERT INTO course_marks (submission_id, notebook, grade_id, extra_credit, comment, rubric_items,"
            " revision, \"by\", at) VALUES (1, 'a.ipynb', 'q', 0, '', '[5]', 1, 'ada', '2026-01-01')",
            "INSERT INTO course_rubric_items (id, assignment_id, notebook, grade_id, text, points, revision)"
            " VALUES (4, 1, 'a.ipynb', 'q', 'unit', -1, 3), (5, 1, 'a.ipynb', 'q', 'sign', -2, 1)",
        ):
            connection.execute(text(statement))
    migrate(database.engine)
    with database.engine.begin() as connection:
        assert connection.execute(text("SELECT name FROM course_rubrics")).scalar_one() == "ps1: q"
        found = connection.execute(text("SELECT id, position, points FROM course_rubric_items ORDER BY id")).all()
        assert [tuple(row) for row in found] == [(4, 0, -1), (5, 1, -2)]
        connection.execute(
            text("INSERT INTO course_rubric_uses SELECT id, 2, 'a.ipynb', 'q' FROM course_rubrics")  # now it is shared
        )
        connection.execute(
            text("INSERT INTO course_rubric_items (rubric_id, position, text, points) VALUES (1, 2, 'x', 1)")
        )
    to(database, "0009", up=False)
    with database.engine.connect() as connection:
        query = "SELECT id, text FROM course_rubric_items WHERE assignment_id = {} ORDER BY id"
        first, second = ([tuple(row) for row in connection.execute(text(query.format(n)))] for n in (1, 2))
        assert first == [(4, "unit"), (5, "sign"), (6, "x")]
        assert [name for _, name in second] == ["unit", "sign", "x"]
        items = connection.execute(text("SELECT rubric_items FROM course_marks")).scalar_one()
        assert items in ([second[1][0]], f"[{second[1][0]}]")
