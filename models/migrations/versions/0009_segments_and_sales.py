"""Promises that the desk noted, plans that take another's place, and links that answer one task."""

import sqlalchemy as sa
from alembic import op

from models import base, checks

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    checks.add_reference(connection, "promise", "recorded_by_id", "staff")
    op.create_index("ix_promise_status", "promise", ["status", "promised_on"], unique=False)
    checks.add_reference(connection, "plan", "replaces_id", "plan")
    op.create_index("ix_plan_replaces", "plan", ["replaces_id"], unique=False)
    op.create_table(
        "task_link",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=True),
        sa.Column("task_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("issued_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("expires_at > issued_at", name=op.f("ck_task_link_life")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_task_link_staff_id")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_task_link_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task_link")),
        sa.UniqueConstraint("ref", name=op.f("uq_task_link_ref")),
        sa.UniqueConstraint("task_id", "staff_id", name=op.f("uq_task_link_task_id_staff_id")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_task_link_token_digest")),
    )
    op.create_index("ix_task_link_staff", "task_link", ["staff_id"], unique=False)


def downgrade() -> None:
    op.drop_table("task_link")
    connection = op.get_bind()
    op.drop_index("ix_plan_replaces", "plan")
    checks.drop_reference(connection, "plan", "replaces_id", "plan")
    op.drop_index("ix_promise_status", "promise")
    checks.drop_reference(connection, "promise", "recorded_by_id", "staff")
