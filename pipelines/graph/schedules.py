"""Schedules, triggers and webhooks of pipelines in the database; they survive every restart."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from . import cron

_metadata = sa.MetaData()
_schedules = sa.Table(
    "pipeline_schedules",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("scope", sa.String(64), nullable=False, index=True),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("parameters", sa.JSON, nullable=False),
    sa.Column("cron", sa.String(128), nullable=False),
    sa.Column("timezone", sa.String(64), nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("created_by", sa.String(64), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("next_at", sa.DateTime, index=True),
    sa.Column("last_at", sa.DateTime),
    sa.Column("last_run", sa.String(64)),
    sa.Column("problem", sa.Text, nullable=False),
)
_triggers = sa.Table(
    "pipeline_triggers",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("scope", sa.String(64), nullable=False, index=True),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("created_by", sa.String(64), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("used_at", sa.DateTime),
)
_notices = sa.Table(
    "pipeline_notices",
    _metadata,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("scope", sa.String(64), nullable=False, index=True),
    sa.Column("pipeline", sa.String(128), nullable=False),
    sa.Column("on", sa.String(16), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("secret", sa.String(64), nullable=False),
    sa.Column("created_by", sa.String(64), nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("last_status", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A pipeline that runs by itself.

    Attributes
    ----------
    id, scope
        Which, and whose.
    file, parameters
        What is run.
    cron, timezone
        When.
    paused
        Whether it waits.
    created_by, created_at
        On whose behalf it runs.
    next_at, last_at, last_run
        When it is due, when it was, and which run that was.
    problem
        Why the last time gave no run.
    """

    id: str
    scope: str
    file: str
    parameters: Mapping[str, Any]
    cron: str
    timezone: str
    paused: bool
    created_by: str
    created_at: datetime
    next_at: datetime | None
    last_at: datetime | None = None
    last_run: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class TriggerRow:
    """An address that starts a pipeline; who knows its token may use it."""

    id: str
    scope: str
    file: str
    token_hash: str
    created_by: str
    created_at: datetime
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """Who is told when a run ends.

    Attributes
    ----------
    id, scope
        Which, and whose.
    pipeline
        Name of the pipeline; empty for all of the scope.
    on
        `failure`, `success` or `end`.
    kind, target
        `webhook` and its address, or `email` and the name of a user.
    secret
        Signs what is sent to a webhook.
    created_by, created_at
        Who asked for it.
    last_status
        What became of the last one.
    """

    id: str
    scope: str
    pipeline: str
    on: str
    kind: str
    target: str
    secret: str
    created_by: str
    created_at: datetime
    last_status: str = ""


class Automation:
    """The tables of schedules, triggers and notices.

    Parameters
    ----------
    engine
        Of the database.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        _metadata.create_all(engine)

    def add_schedule(
        self,
        scope: str,
        file: str,
        parameters: Mapping[str, Any],
        when: tuple[str, str],
        by: str,
        now: datetime,
    ) -> ScheduleRow:
        """Enter a schedule; `when` is cron and time zone.

        Raises
        ------
        ScheduleError
            If they are wrong.
        """
        cron.check(*when)
        row = ScheduleRow(_new_id(), scope, file, parameters, *when, False, by, now, cron.next_time(*when, now))
        self._insert(_schedules, row)
        return row

    def schedules(self, scope: str) -> list[ScheduleRow]:
        """The schedules of a scope, the oldest first."""
        query = sa.select(_schedules).where(_schedules.c.scope == scope).order_by(_schedules.c.created_at)
        return [ScheduleRow(**row) for row in self._rows(query)]

    def schedule(self, scope: str, schedule_id: str) -> ScheduleRow | None:
        """One schedule."""
        return next((row for row in self.schedules(scope) if row.id == schedule_id), None)

    def due(self, now: datetime) -> list[ScheduleRow]:
        """The schedules of every scope whose time has come."""
        query = sa.select(_schedules).where(_schedules.c.next_at <= _naive(now), _schedules.c.paused.is_(False))
        return [ScheduleRow(**row) for row in self._rows(query.order_by(_schedules.c.next_at))]

    def pause(self, row: ScheduleRow, paused: bool, now: datetime) -> None:
        """Let a schedule wait, or go on from now; what it has missed meanwhile is for `backfill`."""
        next_at = cron.next_time(row.cron, row.timezone, now)
        self._update(_schedules, row.id, paused=paused, next_at=next_at)

    def ran(self, row: ScheduleRow, run_id: str | None, problem: str, now: datetime) -> None:
        """Note that a schedule's time has been dealt with. Of several missed times one is made up for, the last."""
        next_at = cron.next_time(row.cron, row.timezone, now)
        self._update(
            _schedules, row.id, next_at=next_at, last_at=row.next_at, last_run=run_id or row.last_run, problem=problem
        )

    def remove(self, scope: str, row_id: str) -> bool:
        """Remove a schedule, a trigger or a notice; say whether there was one."""
        with self._engine.begin() as connection:
            return any(
                connection.execute(table.delete().where(table.c.id == row_id, table.c.scope == scope)).rowcount
                for table in (_schedules, _triggers, _notices)
            )

    def remove_all(self, scope: str) -> None:
        """Forget everything of a scope."""
        with self._engine.begin() as connection:
            for table in (_schedules, _triggers, _notices):
                connection.execute(table.delete().where(table.c.scope == scope))

    def add_trigger(self, scope: str, file: str, by: str, now: datetime) -> tuple[TriggerRow, str]:
        """Enter a trigger; return it with its token, of which only a hash is kept."""
        token = secrets.token_urlsafe(24)
        row = TriggerRow(_new_id(), scope, file, _hash(token), by, now)
        self._insert(_triggers, row)
        return row, token

    def triggers(self, scope: str) -> list[TriggerRow]:
        """The triggers of a scope, the oldest first."""
        query = sa.select(_triggers).where(_triggers.c.scope == scope).order_by(_triggers.c.created_at)
        return [TriggerRow(**row) for row in self._rows(query)]

    def trigger_of(self, token: str) -> TriggerRow | None:
        """The trigger that a token opens."""
        rows = self._rows(sa.select(_triggers).where(_triggers.c.token_hash == _hash(token)))
        return TriggerRow(**rows[0]) if rows else None

    def used(self, row: TriggerRow, now: datetime) -> None:
        """Note the use of a trigger."""
        self._update(_triggers, row.id, used_at=now)

    def add_notice(self, row: NoticeRow) -> NoticeRow:
        """Enter who is told; its id and secret are made here."""
        made = NoticeRow(**asdict(row) | {"id": _new_id(), "secret": secrets.token_hex(32)})
        self._insert(_notices, made)
        return made

    def notices(self, scope: str) -> list[NoticeRow]:
        """Who is told of the runs of a scope."""
        query = sa.select(_notices).where(_notices.c.scope == scope).order_by(_notices.c.created_at)
        return [NoticeRow(**row) for row in self._rows(query)]

    def note(self, row: NoticeRow, status: str) -> None:
        """Note what became of a notice."""
        self._update(_notices, row.id, last_status=status[:500])

    def _insert(self, table: sa.Table, row: ScheduleRow | TriggerRow | NoticeRow) -> None:
        with self._engine.begin() as connection:
            connection.execute(table.insert().values(**{n: _naive(v) for n, v in asdict(row).items()}))

    def _update(self, table: sa.Table, row_id: str, **values: Any) -> None:
        with self._engine.begin() as connection:
            changed = {name: _naive(value) for name, value in values.items()}
            connection.execute(table.update().where(table.c.id == row_id).values(**changed))

    def _rows(self, query: sa.Select[Any]) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
        return [{name: _aware(value) for name, value in row.items()} for row in rows]


def run_id_of(row_id: str, at: datetime, what: str) -> str:
    """The id of the run that one time of a schedule, or one key of a trigger, gives: the same when asked again."""
    digest = hashlib.sha256(f"{row_id}\0{what}".encode()).hexdigest()[:12]
    return f"{at:%Y%m%d-%H%M%S}-{digest}"


def _new_id() -> str:
    return secrets.token_hex(8)


def _hash(token: str) -> str:
    # The token has 192 random bits: nothing is gained by making the hash slow.
    return hashlib.sha256(token.encode()).hexdigest()


def _naive(value: Any) -> Any:
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
