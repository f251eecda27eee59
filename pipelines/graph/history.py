"""Runs and their items in the database: what happened, for people and for resuming."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa

RunStatus = Literal["queued", "running", "ok", "failed", "cancelled"]
ItemStatus = Literal["waiting", "running", "ok", "reused", "failed", "skipped", "blocked", "cancelled"]
FINAL: frozenset[str] = frozenset({"ok", "reused", "failed", "skipped", "blocked", "cancelled"})
DONE_WELL: frozenset[str] = frozenset({"ok", "reused", "skipped"})
_ITEM_FIELDS = ("status", "key", "reason", "item", "error", "record", "started_at", "ended_at", "attempts", "values")

_metadata = sa.MetaData()
_runs = sa.Table(
    "pipeline_runs",
    _metadata,
    sa.Column("id", sa.String(64), primary_key=True),
    sa.Column("scope", sa.String(64), nullable=False, default="", index=True),
    sa.Column("pipeline", sa.String(128), nullable=False, index=True),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("status", sa.String(16), nullable=False, index=True),
    sa.Column("parameters", sa.JSON, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False, default=1),
    sa.Column("force", sa.JSON, nullable=False),
    sa.Column("cancel_requested", sa.Boolean, nullable=False, default=False),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("ended_at", sa.DateTime),
    sa.Column("origin", sa.JSON),
)
_items = sa.Table(
    "pipeline_items",
    _metadata,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("step", sa.String(128), primary_key=True),
    sa.Column("index", sa.Integer, primary_key=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("key", sa.String(64)),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("item", sa.JSON),
    sa.Column("error", sa.JSON),
    sa.Column("record", sa.Text),
    sa.Column("values", sa.JSON),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("started_at", sa.DateTime),
    sa.Column("ended_at", sa.DateTime),
)
_last = sa.Table(
    "pipeline_last_results",
    _metadata,
    sa.Column("pipeline", sa.String(128), primary_key=True),
    sa.Column("step", sa.String(128), primary_key=True),
    sa.Column("label", sa.String(64), primary_key=True),
    sa.Column("key", sa.String(64), nullable=False),
)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of a pipeline.

    Attributes
    ----------
    id
        Its name, which sorts by time.
    pipeline, file
        Name and file of the pipeline.
    status
        Where it stands.
    parameters
        Of the pipeline, defaults included.
    generation
        Counts how often it was begun: once, and once for each `resume`.
    force
        Steps that must not be reused in this run.
    cancel_requested
        Whether somebody asked it to stop.
    message
        Why it did not end well.
    created_at, ended_at
        Aware, UTC.
    scope
        Whose run it is where one database serves many: the id of a project; empty on one's own machine.
    origin
        What began it: `kind` (by hand, `schedule`, `trigger`, `retry`), `by` whom, `scheduled_for`.
    """

    id: str
    pipeline: str
    file: str
    status: RunStatus
    parameters: Mapping[str, Any]
    generation: int
    force: Sequence[str]
    cancel_requested: bool
    message: str
    created_at: datetime
    ended_at: datetime | None
    scope: str = ""
    origin: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item of a step in one run.

    Attributes
    ----------
    run_id, step, index
        Which; a step without `foreach` has one item, 0.
    status
        Where it stands: `reused` came from an earlier result, `blocked` waits for a step that failed.
    key, reason
        Key of its result, and why it ran or was reused.
    item
        Value of `foreach`.
    error
        `name`, `value` and the failing `cell`.
    record
        Path of the notebook that shows the run.
    values
        What it recorded.
    attempts, started_at, ended_at
        How often and when it was tried.
    """

    run_id: str
    step: str
    index: int
    status: ItemStatus
    key: str | None = None
    reason: str = ""
    item: Any = None
    error: Mapping[str, Any] | None = None
    record: str | None = None
    values: Mapping[str, Any] | None = field(default=None, repr=False)
    attempts: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None


class History:
    """The tables of runs and items, as one scope sees them.

    Parameters
    ----------
    database
        As SQLAlchemy spells its address, or the engine that another history uses.
    scope
        Runs of other scopes are not seen.
    """

    def __init__(self, database: str | sa.Engine, scope: str = "") -> None:
        self._scope = scope
        if isinstance(database, sa.Engine):
            self._engine = database
            return
        self._engine = sa.create_engine(database)
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _tune_sqlite)
        with self._engine.begin() as connection:
            _metadata.create_all(connection)
            _add_columns(connection)

    @property
    def engine(self) -> sa.Engine:
        """The connections to the database."""
        return self._engine

    def of(self, scope: str) -> History:
        """The same tables, as another scope sees them."""
        return History(self._engine, scope)

    def scopes(self) -> list[str]:
        """Every scope that has runs."""
        with self._engine.connect() as connection:
            return list(connection.execute(sa.select(_runs.c.scope).distinct()).scalars())

    def unfinished(self) -> list[tuple[str, str]]:
        """Scope and id of every run, in any scope, that has not ended."""
        query = sa.select(_runs.c.scope, _runs.c.id).where(_runs.c.status.in_(("queued", "running")))
        with self._engine.connect() as connection:
            return [(row.scope, row.id) for row in connection.execute(query.order_by(_runs.c.created_at))]

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def add_run(self, run: RunRow) -> None:
        """Enter a new run; nothing happens when one of that id is there."""
        with self._engine.begin() as connection:
            known = connection.execute(sa.select(_runs.c.id).where(_runs.c.id == run.id)).first()
            if known is None:
                connection.execute(_runs.insert().values(**_run_values(run) | {"scope": self._scope}))

    def run(self, run_id: str) -> RunRow | None:
        """One run."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_runs).where(self._is(run_id))).mappings().first()
        return _run(row) if row is not None else None

    def runs(
        self, pipeline: str | None = None, limit: int = 50, *, before: str | None = None, with_trials: bool = False
    ) -> list[RunRow]:
        """The last runs, the newest first; with `before`, those that are older than that run.

        The trials of experiments are many, and shown with their experiment; they are left out unless asked for.
        """
        mine = sa.select(_runs).where(_runs.c.scope == self._scope)
        if not with_trials:
            mine = mine.where(sa.func.coalesce(_runs.c.origin["kind"].as_string(), "") != "trial")
        query = mine.order_by(_runs.c.created_at.desc(), _runs.c.id.desc()).limit(limit)
        if before is not None:
            at = sa.select(_runs.c.created_at).where(self._is(before)).scalar_subquery()
            query = query.where(sa.tuple_(_runs.c.created_at, _runs.c.id) < sa.tuple_(at, sa.literal(before)))
        if pipeline is not None:
            query = query.where(_runs.c.pipeline == pipeline)
        with self._engine.connect() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def update_run(self, run_id: str, **values: Any) -> None:
        """Change fields of a run."""
        with self._engine.begin() as connection:
            connection.execute(_runs.update().where(self._is(run_id)).values(**_naive(values)))

    def items(self, run_id: str, step: str | None = None) -> Iterator[ItemRow]:
        """The items of a run, one after the other, so that ten thousand take no memory."""
        query = sa.select(_items).where(_items.c.run_id == run_id).order_by(_items.c.step, _items.c.index)
        if step is not None:
            query = query.where(_items.c.step == step)
        with self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=200).execute(query).mappings():
                yield _item(row)

    def counts(self, run_id: str) -> dict[str, dict[str, int]]:
        """How many items each step has in each status."""
        query = sa.select(_items.c.step, _items.c.status, sa.func.count()).where(_items.c.run_id == run_id)
        found: dict[str, dict[str, int]] = {}
        with self._engine.connect() as connection:
            for step, status, count in connection.execute(query.group_by(_items.c.step, _items.c.status)):
                found.setdefault(step, {})[status] = count
        return found

    def item(self, run_id: str, step: str, index: int) -> ItemRow | None:
        """One item."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(_items).where(_which(run_id, step, index))).mappings().first()
        return _item(row) if row is not None else None

    def put_item(self, item: ItemRow) -> None:
        """Enter an item, or replace what is known of it."""
        values = _naive({name: getattr(item, name) for name in _ITEM_FIELDS})
        where = _which(item.run_id, item.step, item.index)
        with self._engine.begin() as connection:
            if connection.execute(_items.update().where(where).values(**values)).rowcount == 0:
                connection.execute(
                    _items.insert().values(run_id=item.run_id, step=item.step, index=item.index, **values)
                )

    def reset_items(self, run_id: str, steps: Sequence[str] | None = None) -> None:
        """Forget what did not end well, and everything about `steps`, so that a resumed run does it again."""
        keep = _items.c.status.in_(("ok", "reused"))
        condition = ~keep if steps is None else ~keep | _items.c.step.in_(steps)
        with self._engine.begin() as connection:
            connection.execute(_items.delete().where((_items.c.run_id == run_id) & condition))

    def last_key(self, pipeline: str, step: str, label: str) -> str | None:
        """Key of the last result of an item in any run of the pipeline."""
        query = sa.select(_last.c.key).where(_last_is(self._named(pipeline), step, label))
        with self._engine.connect() as connection:
            return connection.execute(query).scalar()

    def note_last_key(self, pipeline: str, step: str, label: str, key: str) -> None:
        """Remember the key of an item's last result."""
        with self._engine.begin() as connection:
            name = self._named(pipeline)
            update = _last.update().where(_last_is(name, step, label)).values(key=key)
            if connection.execute(update).rowcount == 0:
                connection.execute(_last.insert().values(pipeline=name, step=step, label=label, key=key))

    def keys(self) -> set[str]:
        """The keys of all items of the runs that are kept."""
        mine = sa.select(_runs.c.id).where(_runs.c.scope == self._scope)
        query = sa.select(_items.c.key).distinct().where(_items.c.run_id.in_(mine) & _items.c.key.is_not(None))
        with self._engine.connect() as connection:
            return set(connection.execute(query).scalars())

    def delete_run(self, run_id: str) -> None:
        """Remove a run and its items from the history."""
        with self._engine.begin() as connection:
            connection.execute(_items.delete().where(_items.c.run_id == run_id))
            connection.execute(_runs.delete().where(self._is(run_id)))

    def _is(self, run_id: str) -> sa.ColumnElement[bool]:
        return (_runs.c.id == run_id) & (_runs.c.scope == self._scope)

    def _named(self, pipeline: str) -> str:
        return f"{self._scope}/{pipeline}" if self._scope else pipeline


def _which(run_id: str, step: str, index: int) -> sa.ColumnElement[bool]:
    return (_items.c.run_id == run_id) & (_items.c.step == step) & (_items.c.index == index)


def _last_is(pipeline: str, step: str, label: str) -> sa.ColumnElement[bool]:
    return (_last.c.pipeline == pipeline) & (_last.c.step == step) & (_last.c.label == label)


def _run_values(run: RunRow) -> dict[str, Any]:
    values = {column.name: getattr(run, column.name) for column in _runs.columns}
    return _naive(values | {"force": list(run.force), "parameters": dict(run.parameters)})


def _run(row: Any) -> RunRow:
    return RunRow(**_aware(dict(row)))


def _item(row: Any) -> ItemRow:
    return ItemRow(**_aware(dict(row)))


def _naive(values: dict[str, Any]) -> dict[str, Any]:
    """Times as the database keeps them, UTC without saying so; everything else as JSON can spell it."""
    plain = {}
    for name, value in values.items():
        if isinstance(value, datetime):
            value = value.astimezone(UTC).replace(tzinfo=None)
        elif isinstance(value, Mapping | list | tuple):
            value = json.loads(json.dumps(value, default=str))
        plain[name] = value
    return plain


def _aware(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for name, value in values.items()}


def _add_columns(connection: sa.Connection) -> None:
    """Give a table of an earlier version what it lacks."""
    for table in _metadata.tables.values():
        known = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
        for column in table.columns:
            if column.name not in known:
                kind = column.type.compile(connection.dialect)
                default = " NOT NULL DEFAULT ''" if not column.nullable else ""
                connection.exec_driver_sql(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}{default}')


def _tune_sqlite(connection: Any, _record: object) -> None:
    # NORMAL in WAL mode may lose the last commits when the power fails, never when a process is killed, and what
    # ran is found again by its published result.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")
