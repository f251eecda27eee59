"""questions about scores."""

import sqlalchemy as sa
from alembic import op

import courseware.models

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "course_messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(length=64), nullable=False),
        sa.Column("is_staff", sa.Boolean(), nullable=False),
        sa.Column("closes", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", courseware.models.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["course_submissions.id"],
            name=op.f("fk_course_messages_submission_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_messages")),
    )
    with op.batch_alter_table("course_messages", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_course_messages_submission_id"), ["submission_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("course_messages")
