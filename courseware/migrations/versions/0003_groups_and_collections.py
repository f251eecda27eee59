"""groups of students; what was collected at a deadline."""

import sqlalchemy as sa
from alembic import op

import courseware.models

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the change."""
    with op.batch_alter_table("course_enrolments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("group_name", sa.String(length=40), nullable=False, server_default=""))
    op.create_table(
        "course_groups",
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("project_id", sa.String(length=30), nullable=True),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_course_groups_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("course_id", "name", name=op.f("pk_course_groups")),
    )
    op.create_table(
        "course_collections",
        sa.Column("assignment_id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("due_at", courseware.models.UtcDateTime(), nullable=False),
        sa.Column("at", courseware.models.UtcDateTime(), nullable=False),
        sa.Column("submission_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["course_assignments.id"],
            name=op.f("fk_course_collections_assignment_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("assignment_id", "owner", name=op.f("pk_course_collections")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("course_collections")
    op.drop_table("course_groups")
    with op.batch_alter_table("course_enrolments", schema=None) as batch_op:
        batch_op.drop_column("group_name")
