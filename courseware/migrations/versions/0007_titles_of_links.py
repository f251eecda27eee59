"""what a link in a learning platform is called there."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the change."""
    op.add_column("course_lti_links", sa.Column("title", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    """Take the change back."""
    op.drop_column("course_lti_links", "title")
