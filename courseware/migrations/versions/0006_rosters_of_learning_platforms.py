"""where a learning platform tells who is in a course."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the change."""
    op.add_column("course_lti_contexts", sa.Column("memberships_url", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("course_lti_contexts", "memberships_url")
