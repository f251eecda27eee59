"""The tables of class management are made, and taken back, in both kinds of database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

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
