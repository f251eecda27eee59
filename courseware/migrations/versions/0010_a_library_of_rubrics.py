"""rubrics of a course that cells of several assignments share."""

from collections import defaultdict
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

import courseware.models

revision = "0010"
down_revision = "0009"

_NOW = datetime(2026, 11, 22, tzinfo=UTC)  # of rubrics that there were before
_OLD = sa.table(
    "course_rubric_items",
    sa.column("id", sa.Integer),
    sa.column("assignment_id", sa.Integer),
    sa.column("notebook", sa.String),
    sa.column("grade_id", sa.String),
    sa.column("text", sa.Text),
    sa.column("points", sa.Float),
    sa.column("revision", sa.Integer),
)
_RUBRICS = sa.table(
    "course_rubrics",
    sa.column("id", sa.Integer),
    sa.column("course_id", sa.String),
    sa.column("name", sa.String),
    sa.column("revision", sa.Integer),
    sa.column("created_at", courseware.models.UtcDateTime),
)
_ITEMS = sa.table(
    "course_rubric_items",
    sa.column("id", sa.Integer),
    sa.column("rubric_id", sa.Integer),
    sa.column("position", sa.Integer),
    sa.column("text", sa.Text),
    sa.column("points", sa.Float),
)
_USES = sa.table(
    "course_rubric_uses",
    sa.column("rubric_id", sa.Integer),
    sa.column("assignment_id", sa.Integer),
    sa.column("notebook", sa.String),
    sa.column("grade_id", sa.String),
)
_ASSIGNMENTS = sa.table(
    "course_assignments", sa.column("id", sa.Integer), sa.column("course_id", sa.String), sa.column("name", sa.String)
)
_SUBMISSIONS = sa.table("course_submissions", sa.column("id", sa.Integer), sa.column("assignment_id", sa.Integer))
_MARKS = sa.table(
    "course_marks",
    sa.column("submission_id", sa.Integer),
    sa.column("notebook", sa.String),
    sa.column("grade_id", sa.String),
    sa.column("rubric_items", sa.JSON),
)


def upgrade() -> None:
    """Make the change: the items of each cell become a rubric that this cell uses; ids of items stay."""
    bind = op.get_bind()
    old = bind.execute(sa.select(_OLD).order_by(_OLD.c.id)).mappings().all()
    named = {row.id: row for row in bind.execute(sa.select(_ASSIGNMENTS))}
    op.drop_table("course_rubric_items")
    _make_tables()
    cells = defaultdict(list)
    for row in old:
        cells[row["assignment_id"], row["notebook"], row["grade_id"]].append(row)
    rubrics, items, uses = [], [], []
    for number, ((assignment_id, notebook, grade_id), found) in enumerate(cells.items(), 1):
        assignment = named[assignment_id]
        name = f"{assignment.name}: {grade_id}"[:120]
        rubrics.append(
            {"id": number, "course_id": assignment.course_id, "name": name, "revision": 1, "created_at": _NOW}
        )
        uses.append({"rubric_id": number, "assignment_id": assignment_id, "notebook": notebook, "grade_id": grade_id})
        items += [
            {"id": row["id"], "rubric_id": number, "position": at, "text": row["text"], "points": row["points"]}
            for at, row in enumerate(found)
        ]
    for table, rows in ((_RUBRICS, rubrics), (_ITEMS, items), (_USES, uses)):
        if rows:
            op.bulk_insert(table, rows)
    _go_on_counting("course_rubrics", len(rubrics))
    _go_on_counting("course_rubric_items", max((row["id"] for row in items), default=0))


def downgrade() -> None:
    """Take the change back: each cell gets items of its own, and marks name those."""
    bind = op.get_bind()
    items = bind.execute(sa.select(_ITEMS).order_by(_ITEMS.c.rubric_id, _ITEMS.c.position, _ITEMS.c.id)).all()
    uses = bind.execute(sa.select(_USES)).all()
    for table in ("course_rubric_uses", "course_rubric_items", "course_rubrics"):
        op.drop_table(table)
    _make_old_table()
    taken: set[int] = set()
    next_id = max((item.id for item in items), default=0) + 1
    rows = []
    for use in uses:
        renamed = {}
        for item in (item for item in items if item.rubric_id == use.rubric_id):
            if item.id in taken:
                renamed[item.id], next_id = next_id, next_id + 1
            taken.add(item.id)
            rows.append(
                {
                    "id": renamed.get(item.id, item.id),
                    "assignment_id": use.assignment_id,
                    "notebook": use.notebook,
                    "grade_id": use.grade_id,
                    "text": item.text,
                    "points": item.points,
                    "revision": 1,
                }
            )
        _rename_in_marks(bind, use, renamed)
    if rows:
        op.bulk_insert(_OLD, rows)
    _go_on_counting("course_rubric_items", max((row["id"] for row in rows), default=0))


def _rename_in_marks(bind: sa.Connection, use: sa.Row[tuple[object, ...]], renamed: dict[int, int]) -> None:
    here = (
        _MARKS.c.submission_id.in_(
            sa.select(_SUBMISSIONS.c.id).where(_SUBMISSIONS.c.assignment_id == use.assignment_id)
        ),
        _MARKS.c.notebook == use.notebook,
        _MARKS.c.grade_id == use.grade_id,
    )
    for mark in bind.execute(sa.select(_MARKS).where(*here)).all() if renamed else ():
        items = [renamed.get(item, item) for item in mark.rubric_items]
        if items != mark.rubric_items:
            only = (*here[1:], _MARKS.c.submission_id == mark.submission_id)
            bind.execute(sa.update(_MARKS).where(*only).values(rubric_items=items))


def _go_on_counting(table: str, last: int) -> None:
    if op.get_bind().dialect.name == "postgresql" and last:
        op.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {last:d})")


def _make_tables() -> None:
    op.create_table(
        "course_rubrics",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", courseware.models.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_course_rubrics_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_rubrics")),
    )
    op.create_index(op.f("ix_course_rubrics_course_id"), "course_rubrics", ["course_id"])
    op.create_table(
        "course_rubric_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rubric_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("points", sa.Double(), nullable=False),
        sa.Column("removed_at", courseware.models.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["rubric_id"], ["course_rubrics.id"], name=op.f("fk_course_rubric_items_rubric_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_rubric_items")),
    )
    op.create_index(op.f("ix_course_rubric_items_rubric_id"), "course_rubric_items", ["rubric_id"])
    op.create_table(
        "course_rubric_uses",
        sa.Column("rubric_id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("notebook", sa.String(length=255), nullable=False),
        sa.Column("grade_id", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(
            ["rubric_id"], ["course_rubrics.id"], name=op.f("fk_course_rubric_uses_rubric_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["course_assignments.id"],
            name=op.f("fk_course_rubric_uses_assignment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "rubric_id", "assignment_id", "notebook", "grade_id", name=op.f("pk_course_rubric_uses")
        ),
    )
    op.create_index(op.f("ix_course_rubric_uses_assignment_id"), "course_rubric_uses", ["assignment_id"])


def _make_old_table() -> None:
    op.create_table(
        "course_rubric_items",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("notebook", sa.String(length=255), nullable=False),
        sa.Column("grade_id", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("points", sa.Double(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["course_assignments.id"],
            name=op.f("fk_course_rubric_items_assignment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_rubric_items")),
    )
    op.create_index(op.f("ix_course_rubric_items_assignment_id"), "course_rubric_items", ["assignment_id"])
