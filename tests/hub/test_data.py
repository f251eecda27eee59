"""Accounts, links and projects in real databases: SQLite and PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import event, inspect, text
from sqlalchemy.orm import Session

from hub.data import links, projects, users
from hub.data.engine import MIGRATIONS, Database
from hub.data.links import Purpose
from hub.data.models import AuditRow, Base, UserRow
from hub.errors import ConflictError, NotFoundError, UnauthenticatedError, UnavailableError
from hub.policy import Actor, Capability, Role
from tests.postgresql import PostgreSql

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    database.migrate()
    yield database
    database.close()


def add_user(database: Database, name: str) -> None:
    database.run(users.create, name, None, is_admin=False, by="test", now=NOW)


def add_project(database: Database, owner: str, name: str = "P", now: datetime = NOW) -> str:
    return database.run(lambda s: projects.create(s, name, "", users.get(s, owner), now).id)


def set_role(database: Database, project_id: str, user: str, role: Role | None) -> None:
    def work(session: Session) -> None:
        project, _ = projects.get(session, project_id, Actor("test", is_admin=True), Capability.MANAGE_MEMBERS)
        projects.set_member(session, project, users.get(session, user), role, by="test", now=NOW)

    database.run(work)


def test_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        ours = {"include_name": lambda name, kind, _parents: kind != "table" or name in Base.metadata.tables}
        context = MigrationContext.configure(connection, opts=ours)
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_can_be_taken_back(database: Database) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        connection.commit()
        assert not set(inspect(connection).get_table_names()) & set(Base.metadata.tables)


def test_a_link_signs_in_once(database: Database) -> None:
    add_user(database, "ada")
    token, _ = database.run(lambda s: links.create(s, users.get(s, "ada"), Purpose.SIGN_IN, by="test", now=NOW))
    assert database.run(links.redeem, token, Purpose.SIGN_IN, NOW).user.name == "ada"
    with pytest.raises(UnauthenticatedError, match="already used"):
        database.run(links.redeem, token, Purpose.SIGN_IN, NOW)


def test_a_link_expires_after_a_day(database: Database) -> None:
    add_user(database, "ada")
    token, _ = database.run(lambda s: links.create(s, users.get(s, "ada"), Purpose.SIGN_IN, by="test", now=NOW))
    with pytest.raises(UnauthenticatedError, match="expired"):
        database.run(links.redeem, token, Purpose.SIGN_IN, NOW + timedelta(hours=24))


def test_two_browsers_cannot_both_use_one_link(database: Database) -> None:
    add_user(database, "ada")
    token, _ = database.run(lambda s: links.create(s, users.get(s, "ada"), Purpose.SIGN_IN, by="test", now=NOW))
    outcomes: list[str] = []

    def use() -> None:
        try:
            database.run(links.redeem, token, Purpose.SIGN_IN, NOW)
            outcomes.append("in")
        except UnauthenticatedError:
            outcomes.append("refused")

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in"] + ["refused"] * 7


def test_neither_passwords_nor_link_tokens_are_stored(database: Database, tmp_path: Path) -> None:
    add_user(database, "ada")
    database.run(lambda s: users.set_password(s, users.get(s, "ada"), PASSWORD, by="ada", now=NOW))
    token, _ = database.run(lambda s: links.create(s, users.get(s, "ada"), Purpose.SIGN_IN, by="test", now=NOW))
    database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert PASSWORD.encode() not in stored
    assert token.encode() not in stored


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("eve", PASSWORD)])
def test_wrong_name_wrong_password_and_no_password_are_answered_alike(
    database: Database, name: str, password: str
) -> None:
    add_user(database, "ada")
    add_user(database, "eve")  # has no password
    database.run(lambda s: users.set_password(s, users.get(s, "ada"), PASSWORD, by="ada", now=NOW))
    with pytest.raises(UnauthenticatedError, match="The user name or the password is wrong"):
        database.run(users.verify_password, name, password)


def test_a_deactivated_account_signs_in_neither_way(database: Database) -> None:
    add_user(database, "ada")
    database.run(lambda s: users.set_password(s, users.get(s, "ada"), PASSWORD, by="ada", now=NOW))
    token, _ = database.run(lambda s: links.create(s, users.get(s, "ada"), Purpose.SIGN_IN, by="test", now=NOW))
    database.run(lambda s: setattr(users.get(s, "ada"), "is_active", False))
    with pytest.raises(UnauthenticatedError):
        database.run(users.verify_password, "ada", PASSWORD)
    with pytest.raises(UnauthenticatedError):
        database.run(links.redeem, token, Purpose.SIGN_IN, NOW)


@pytest.mark.parametrize("name", sorted(users.RESERVED_NAMES))
def test_names_of_the_platform_itself_cannot_be_taken(database: Database, name: str) -> None:
    with pytest.raises(ConflictError, match="reserved"):
        add_user(database, name)


def test_a_project_is_not_found_by_those_who_are_not_in_it(database: Database) -> None:
    add_user(database, "ada")
    add_user(database, "eve")
    project_id = add_project(database, "ada")
    with pytest.raises(NotFoundError):
        database.run(projects.get, project_id, Actor("eve"), Capability.READ)


def test_the_only_owner_can_neither_leave_nor_step_down(database: Database) -> None:
    add_user(database, "ada")
    project_id = add_project(database, "ada")
    for role in (None, Role.EDITOR, Role.VIEWER):
        with pytest.raises(ConflictError, match="only owner"):
            set_role(database, project_id, "ada", role)


def test_pages_list_every_project_once_the_last_changed_first(database: Database) -> None:
    add_user(database, "ada")
    # three of each time, so that a page ends between equal times
    made = [add_project(database, "ada", f"P{i}", NOW + timedelta(minutes=i // 3)) for i in range(20)]
    seen: list[str] = []
    before = None
    while page := database.read(projects.page, "ada", "", before, 4):
        seen += [project.id for project in page]
        before = (page[-1].updated_at, page[-1].id)
    assert sorted(seen) == sorted(made)
    assert [made.index(i) // 3 for i in seen] == sorted((made.index(i) // 3 for i in made), reverse=True)


def test_a_list_costs_the_same_number_of_queries_for_3_and_for_30_projects(database: Database) -> None:
    add_user(database, "ada")
    queries: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: queries.append(args[2]))

    def count() -> int:
        queries.clear()
        page = database.read(projects.page, "ada", "", None, 50)
        assert all(p.memberships[0].user.name == "ada" for p in page)
        return len(queries)

    for _ in range(3):
        add_project(database, "ada")
    few = count()
    for _ in range(27):
        add_project(database, "ada")
    assert count() == few


@pytest.mark.parametrize("search", ["50%", "_", "\\"])
def test_a_search_takes_wildcards_literally(database: Database, search: str) -> None:
    add_user(database, "ada")
    add_project(database, "ada", "plain name")
    wanted = add_project(database, "ada", f"with {search} in it")
    assert [p.id for p in database.read(projects.page, "ada", search, None, 10)] == [wanted]


def test_every_change_of_rights_is_in_the_audit_log(database: Database) -> None:
    add_user(database, "ada")
    add_user(database, "grace")
    project_id = add_project(database, "ada")
    set_role(database, project_id, "grace", Role.VIEWER)
    set_role(database, project_id, "grace", None)
    details = database.read(lambda s: [r.detail for r in s.query(AuditRow).filter_by(action="project.member")])
    assert details == ["grace: viewer", "grace: removed"]


def test_a_reader_does_not_wait_for_a_writer(database: Database) -> None:
    add_user(database, "ada")

    def write(session: Session) -> int:
        session.add(UserRow(name="half", display_name="", is_admin=False, is_active=True, created_at=NOW))
        session.flush()
        return len(database.read(users.page, None, 10))  # while this transaction is open

    assert database.run(write) == 1


@dataclass
class Cut:
    """A database on PostgreSQL, and work in it whose connection is cut in the middle, the first `times` times."""

    server: PostgreSql
    name: str
    database: Database
    times: int = 0
    runs: int = 0

    def __call__(self, session: Session) -> None:
        self.runs += 1
        session.add(AuditRow(at=NOW, actor="ada", action="cut", subject="x"))
        session.flush()
        if self.runs <= self.times:
            self.end_connections()
            session.execute(text("SELECT 1"))

    def end_connections(self) -> None:
        assert self.server.end_connections(self.name) > 0

    @property
    def kept(self) -> int:
        return self.database.read(lambda s: s.query(AuditRow).filter_by(action="cut").count())


@pytest.fixture(scope="module")
def to_be_cut(postgresql_server: PostgreSql) -> Iterator[Cut]:
    name = postgresql_server.new_database()
    database = Database(postgresql_server.url(name))
    database.migrate()
    yield Cut(postgresql_server, name, database)
    database.close()


def test_work_whose_connection_is_cut_is_done_once_on_another(to_be_cut: Cut) -> None:
    before, work = to_be_cut.kept, replace(to_be_cut, times=1)
    work.database.run(work)
    assert work.runs == 2
    assert work.kept == before + 1


def test_connections_that_are_cut_again_and_again_are_told(to_be_cut: Cut) -> None:
    before, work = to_be_cut.kept, replace(to_be_cut, times=2)
    with pytest.raises(UnavailableError, match="try again"):
        work.database.run(work)
    assert work.kept == before
    assert work.database.is_ready()


def test_a_commit_that_was_cut_is_told_and_not_done_twice(to_be_cut: Cut) -> None:
    """Whether it was kept nobody knows: done again, it could be there twice."""
    work = replace(to_be_cut)

    def cut_before_the_commit(session: Session) -> None:
        work(session)
        work.end_connections()

    with pytest.raises(UnavailableError, match="try again"):
        work.database.run(cut_before_the_commit)
    assert work.runs == 1


def test_transactions_that_contradict_each_other_are_put_in_order(database: Database) -> None:
    """Each looks whether the seat is taken before it takes it; without an order all of them would."""

    def take(session: Session, actor: str) -> bool:
        if session.query(AuditRow).count():
            return False
        time.sleep(0.05)
        session.add(AuditRow(at=NOW, actor=actor, action="take", subject="seat"))
        return True

    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda number: database.run(take, f"u{number}"), range(8)))
    assert sum(taken) == 1
    assert database.read(lambda s: s.query(AuditRow).count()) == 1


def test_however_many_write_at_once_everybody_gets_their_turn(database: Database) -> None:
    """Each reads what the others write, so that only one of those that run together can be kept."""

    def count_on(session: Session) -> None:
        so_far = session.query(AuditRow).count()
        time.sleep(0.03)
        session.add(AuditRow(at=NOW, actor="ada", action="count", subject=str(so_far)))

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda _: database.run(count_on), range(32)))
    subjects = database.read(lambda s: [int(row.subject) for row in s.query(AuditRow)])
    assert sorted(subjects) == list(range(32))
