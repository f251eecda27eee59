"""columns of the gradebook that people fill in."""

import sqlalchemy as sa
from alembic import op

import courseware.models

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "course_columns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("category", sa.String(length=64), nullable=False),
        sa.Column("points", sa.Double(), nullable=False),
        sa.Column("is_extra_credit", sa.Boolean(), nullable=False),
        sa.Column("is_returned", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", courseware.models.UtcDateTime(), nullable=False),
        sa.Column("removed_at", courseware.models.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_course_columns_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_columns")),
    )
    op.create_index(op.f("ix_course_columns_course_id"), "course_columns", ["course_id"])
    op.create_index(
        "uq_course_columns_name",
        "course_columns",
        ["course_id", "name"],
        unique=True,
        sqlite_where=sa.text("removed_at IS NULL"),
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "course_column_scores",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("column_id", sa.Integer(), nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("is_excused", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("at", courseware.models.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["column_id"], ["course_columns.id"], name=op.f("fk_course_column_scores_column_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_column_scores")),
        sa.UniqueConstraint("column_id", "user_name", "revision", name=op.f("uq_course_column_scores_column_id")),
    )
    op.create_index("course_column_scores_current", "course_column_scores", ["column_id", "is_current", "user_name"])


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("course_column_scores")
    op.drop_table("course_columns")
