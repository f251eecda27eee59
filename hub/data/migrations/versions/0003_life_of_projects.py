"""Archive, stars, invitations, publications, quotas, usage."""

import sqlalchemy as sa
from alembic import op

from hub.data.models import UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the change."""
    with op.batch_alter_table("projects") as batch:
        batch.add_column(sa.Column("archived_at", UtcDateTime(), nullable=True))
        batch.add_column(sa.Column("profile", sa.String(40), nullable=False, server_default=""))
        batch.add_column(sa.Column("started_by", sa.String(64), nullable=False, server_default=""))
        batch.add_column(sa.Column("server_failure", sa.Text(), nullable=False, server_default=""))
        batch.add_column(sa.Column("server_failed_at", UtcDateTime(), nullable=True))
    user = sa.ForeignKey("users.id", ondelete="CASCADE")
    project = sa.ForeignKey("projects.id", ondelete="CASCADE")
    op.create_table(
        "project_stars",
        sa.Column("user_id", sa.Integer(), user, primary_key=True),
        sa.Column("project_id", sa.String(30), project, primary_key=True),
    )
    op.create_index("ix_project_stars_project_id", "project_stars", ["project_id"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("project_id", sa.String(30), sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column(
            "role", sa.Enum("owner", "editor", "viewer", name="role", native_enum=False, length=16), nullable=False
        ),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
    )
    op.create_index("ix_invitations_project_id", "invitations", ["project_id"])
    op.create_table(
        "publications",
        sa.Column("id", sa.String(30), primary_key=True),
        sa.Column("project_id", sa.String(30), sa.ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("is_listed", sa.Boolean(), nullable=False),
        sa.Column("created_by", sa.String(64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_publications_project_id", "publications", ["project_id"])
    op.create_index("ix_publications_updated_at", "publications", ["updated_at"])
    op.create_table(
        "publication_files",
        sa.Column(
            "publication_id", sa.String(30), sa.ForeignKey("publications.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("path", sa.String(1000), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
    )
    op.create_index("ix_publication_files_digest", "publication_files", ["digest"])
    op.create_table(
        "quotas",
        sa.Column("kind", sa.String(8), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("running_servers", sa.Integer(), nullable=True),
        sa.Column("storage_bytes", sa.BigInteger(), nullable=True),
        sa.Column("gpus", sa.Integer(), nullable=True),
        sa.Column("profiles", sa.Text(), nullable=True),
    )
    op.create_table(
        "quota_group_members",
        sa.Column("group_name", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_quota_group_members_user_id", "quota_group_members", ["user_id"])
    op.create_table(
        "project_usage",
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("project_id", sa.String(30), primary_key=True),
        sa.Column("user_name", sa.String(64), primary_key=True),
        sa.Column("cpu_seconds", sa.Double(), nullable=False),
        sa.Column("memory_byte_seconds", sa.Double(), nullable=False),
        sa.Column("gpu_seconds", sa.Double(), nullable=False),
        sa.Column("storage_bytes", sa.BigInteger(), nullable=False),
    )
    op.create_index("usage_by_project", "project_usage", ["project_id", "day"])
    op.create_index("usage_by_user", "project_usage", ["user_name", "day"])


def downgrade() -> None:
    """Take the change back."""
    for table in (
        "project_usage",
        "quota_group_members",
        "quotas",
        "publication_files",
        "publications",
        "invitations",
        "project_stars",
    ):
        op.drop_table(table)
    with op.batch_alter_table("projects") as batch:
        for column in ("archived_at", "profile", "started_by", "server_failure", "server_failed_at"):
            batch.drop_column(column)
