"""learning platforms that launch courses here (LTI 1.3)."""

import sqlalchemy as sa
from alembic import op

import courseware.models

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "course_lti_platforms",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("client_id", sa.String(length=255), nullable=False),
        sa.Column("deployments", sa.JSON(), nullable=False),
        sa.Column("login_url", sa.String(length=500), nullable=False),
        sa.Column("token_url", sa.String(length=500), nullable=False),
        sa.Column("keys_url", sa.String(length=500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_course_lti_platforms")),
        sa.UniqueConstraint("issuer", "client_id", name=op.f("uq_course_lti_platforms_issuer")),
    )
    platform = "fk_course_lti_{}_platform_id"
    course = "fk_course_lti_{}_course_id"
    op.create_table(
        "course_lti_contexts",
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("context_id", sa.String(length=255), nullable=False),
        sa.Column("course_id", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["course_lti_platforms.id"], name=platform.format("contexts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=course.format("contexts"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("platform_id", "context_id", name=op.f("pk_course_lti_contexts")),
    )
    op.create_table(
        "course_lti_links",
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("resource_id", sa.String(length=255), nullable=False),
        sa.Column("context_id", sa.String(length=255), nullable=False),
        sa.Column("assignment_id", sa.Integer(), nullable=True),
        sa.Column("line_item", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["course_lti_platforms.id"], name=platform.format("links"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["assignment_id"],
            ["course_assignments.id"],
            name="fk_course_lti_links_assignment_id",
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("platform_id", "resource_id", name=op.f("pk_course_lti_links")),
    )
    op.create_table(
        "course_lti_people",
        sa.Column("platform_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_name", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["platform_id"], ["course_lti_platforms.id"], name=platform.format("people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("platform_id", "subject", name=op.f("pk_course_lti_people")),
    )
    op.create_table(
        "course_lti_nonces",
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("used_at", courseware.models.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_course_lti_nonces")),
    )


def downgrade() -> None:
    """Take the change back."""
    for name in ("nonces", "people", "links", "contexts", "platforms"):
        op.drop_table(f"course_lti_{name}")
