"""what a grader is limited to; groups of the hub whose members are in a course."""

import sqlalchemy as sa
from alembic import op

import courseware.models

revision = "0008"
down_revision = "0007"
_LISTS = ("graded_sections", "graded_assignments")


def upgrade() -> None:
    """Make the change."""
    with op.batch_alter_table("course_enrolments", schema=None) as batch_op:
        for name in _LISTS:
            batch_op.add_column(sa.Column(name, sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("hub_group", sa.String(length=255), nullable=False, server_default=""))
    op.create_table(
        "course_hub_groups",
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("section", sa.String(length=64), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("since", courseware.models.UtcDateTime(), nullable=False),
        sa.Column("synchronised_at", courseware.models.UtcDateTime(), nullable=True),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_course_hub_groups_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("course_id", "name", name=op.f("pk_course_hub_groups")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("course_hub_groups")
    with op.batch_alter_table("course_enrolments", schema=None) as batch_op:
        batch_op.drop_column("hub_group")
        for name in reversed(_LISTS):
            batch_op.drop_column(name)
