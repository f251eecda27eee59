"""The connection to the platform's database: transactions, SQLite's settings, migrations."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

import courseware
from hub.data import project_models as _project_models  # noqa: F401 - importing declares its tables
from hub.errors import UnavailableError

P = ParamSpec("P")
T = TypeVar("T")
BUSY_TIMEOUT_SECONDS = 15
READ_ONLY = "collegium_read_only"
MIGRATIONS = Path(__file__).parent / "migrations"
MOST_ATTEMPTS = 12
FIRST_PAUSE_SECONDS = 0.005
RETRIED_STATES = {"40001", "40P01", "55P03"}  # PostgreSQL: serialization failure, deadlock, lock timeout
# On PostgreSQL what writes passes this table: many at a time, but alone what was in others' way twice, or it might be
# so every time. A lock of a table is taken before the transaction's view of the data.
GATE = "alembic_version"
TOGETHER = f"LOCK TABLE {GATE} IN ROW SHARE MODE"
ALONE = f"SET LOCAL lock_timeout = '5s'; LOCK TABLE {GATE} IN EXCLUSIVE MODE"
ATTEMPTS_TOGETHER = 2
IDLE = "SET idle_in_transaction_session_timeout = '5min'"  # who has gone without a word holds up nobody for longer
# As many as asyncio has worker threads at most: none of them waits for another's connection.
KEPT_CONNECTIONS, EXTRA_CONNECTIONS = 5, 27
# A database that is gone without a word, with its machine, is noticed in seconds, not in a quarter of an hour.
POSTGRESQL_PATIENCE = {
    "connect_timeout": 10,  # seconds
    "tcp_user_timeout": 15_000,  # milliseconds
    "keepalives_idle": 15,  # seconds
    "keepalives_interval": 5,  # seconds
    "keepalives_count": 3,
}


class Database:
    """The platform's database.

    Transactions that write behave as if they came one after the other: SQLite lets one writer in at a time,
    PostgreSQL runs them serializable, and one that could not be put in order is run again. So a rule that is checked
    in a transaction holds when it is committed.

    Parameters
    ----------
    url
        SQLAlchemy URL: `sqlite:///...` or `postgresql+psycopg://...`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        patience = POSTGRESQL_PATIENCE if make_url(url).get_backend_name() == "postgresql" else {}
        # Connections are not tried before they are used, which costs each request: `_run` begins anew when one was cut.
        self.engine: Engine = create_engine(
            url, pool_size=KEPT_CONNECTIONS, max_overflow=EXTRA_CONNECTIONS, connect_args=patience
        )
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _configure_sqlite)
            event.listen(self.engine, "begin", _begin)
            writing, reading = self.engine, self.engine.execution_options(**{READ_ONLY: True})
        else:
            event.listen(self.engine, "connect", _configure_postgresql)
            writing = self.engine.execution_options(isolation_level="SERIALIZABLE")
            reading = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._writing = sessionmaker(writing, expire_on_commit=False)
        self._reading = sessionmaker(reading, expire_on_commit=False)

    def run(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(session, ...)` in one transaction, committed unless it raises.

        It may be run more than once, so it changes nothing but the database.

        Raises
        ------
        UnavailableError
            The database does not answer.
        """

        def in_order(session: Session, attempt: int) -> T:
            if session.get_bind().dialect.name == "postgresql":
                session.execute(text(TOGETHER if attempt < ATTEMPTS_TOGETHER else ALONE))
            return work(session, *args, **kwargs)

        return _run(self._writing, in_order)

    def read(self, work: Callable[Concatenate[Session, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work(session, ...)`, which changes nothing, on one consistent state; it waits for no writer.

        Raises
        ------
        UnavailableError
            The database does not answer.
        """
        return _run(self._reading, lambda session, _attempt: work(session, *args, **kwargs))

    def migrate(self) -> None:
        """Bring the tables to this version's form (made when there are none)."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        courseware.migrate(self.engine)

    def is_ready(self) -> bool:
        """Return whether a query is answered."""
        try:
            return bool(self.read(lambda session: session.scalar(text("SELECT 1"))))
        except UnavailableError:
            return False

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _run(sessions: sessionmaker[Session], work: Callable[[Session, int], T]) -> T:
    was_cut = False
    for attempt in range(MOST_ATTEMPTS):
        is_committing = False
        try:
            with sessions() as session:
                result = work(session, attempt)
                is_committing = True
                session.commit()
                return result
        except DBAPIError as error:
            if _is_out_of_order(error) and attempt + 1 < MOST_ATTEMPTS:
                time.sleep(random.uniform(0, FIRST_PAUSE_SECONDS * 2 ** min(attempt, 6)))  # noqa: S311 - only a pause
                continue
            # Nothing is kept of a transaction whose connection was cut before the commit was asked for; whether a
            # commit was done, nobody can tell.
            if error.connection_invalidated and not (was_cut or is_committing):
                was_cut = True
                continue
            if isinstance(error, OperationalError) or error.connection_invalidated:
                raise UnavailableError("The database does not answer now; try again in a moment.") from error
            raise
    raise AssertionError("the last attempt returns or raises")


def _is_out_of_order(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in RETRIED_STATES


def _configure_postgresql(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute(IDLE)
    cursor.close()
    connection.commit()


def _configure_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # FULL, not NORMAL: with WAL, NORMAL can lose the last acknowledged commits when the machine loses power.
    connection.isolation_level = None  # transactions are begun by us, below
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_SECONDS * 1000}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would otherwise fail at once ("database is locked") when
    # another writer came between: SQLite does not wait for a lock upgrade. Readers of a WAL are not held up.
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
