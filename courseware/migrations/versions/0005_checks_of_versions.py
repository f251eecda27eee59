"""whether the solution of a version scores full marks."""

import sqlalchemy as sa
from alembic import op

import courseware.models

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "course_version_checks",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("worker", sa.String(length=128), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", courseware.models.UtcDateTime(), nullable=True),
        sa.Column("points", sa.Float(), nullable=False),
        sa.Column("solution_score", sa.Float(), nullable=False),
        sa.Column("release_score", sa.Float(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["course_assignment_versions.id"],
            name=op.f("fk_course_version_checks_version_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_course_version_checks")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("course_version_checks")
