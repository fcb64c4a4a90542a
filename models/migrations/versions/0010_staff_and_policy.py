"""Second factors, ways in by mail, sessions by name; rules and texts in the making."""

import sqlalchemy as sa
from alembic import op

from models import base, triggers

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("staff", sa.Column("totp_offered", sa.Text(), nullable=True))
    op.add_column("staff", sa.Column("left_at", base.UTCDateTime(timezone=True), nullable=True))
    op.add_column("staff_session", sa.Column("fresh_at", base.UTCDateTime(timezone=True), nullable=True))
    op.add_column("staff_session", sa.Column("device", sa.String(length=80), nullable=True))
    op.add_column("staff_session", sa.Column("place", sa.String(length=60), nullable=True))
    op.create_table(
        "staff_recovery_code",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("code_digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_recovery_code_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_recovery_code")),
        sa.UniqueConstraint(
            "staff_id", "code_digest", name=op.f("uq_staff_recovery_code_staff_id_code_digest")
        ),
    )
    op.create_table(
        "staff_token",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("invitation", "reset", name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=True),
        sa.Column("made_by_id", base.BigId, nullable=True),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["made_by_id"], ["staff.id"], name=op.f("fk_staff_token_made_by_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_token_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_token")),
        sa.UniqueConstraint("ref", name=op.f("uq_staff_token_ref")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_staff_token_token_digest")),
    )
    op.create_index("ix_staff_token_staff", "staff_token", ["staff_id"], unique=False)
    op.create_index(
        "uq_staff_token_open", "staff_token", ["staff_id", "kind"], unique=True,
        sqlite_where=sa.text("used_at IS NULL"), postgresql_where=sa.text("used_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "editor_draft",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("policy", "text", name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open", "published", "dropped", name="status", native_enum=False, create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("author_id", base.BigId, nullable=False),
        sa.Column("begun_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("changed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("is_alone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "is_alone OR status <> 'published' OR decided_by_id <> author_id",
            name=op.f("ck_editor_draft_four_eyes"),
        ),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_editor_draft_author_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_editor_draft_decided_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_editor_draft")),
        sa.UniqueConstraint("ref", name=op.f("uq_editor_draft_ref")),
    )  # fmt: skip
    op.create_index(
        "uq_editor_draft_open", "editor_draft", ["kind", "name"], unique=True,
        sqlite_where=sa.text("status = 'open'"), postgresql_where=sa.text("status = 'open'"),
    )  # fmt: skip
    op.create_table(
        "text_version",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("effective_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("author_id", base.BigId, nullable=False),
        sa.Column("approver_id", base.BigId, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("is_alone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.CheckConstraint("is_alone OR approver_id <> author_id", name=op.f("ck_text_version_four_eyes")),
        sa.ForeignKeyConstraint(["approver_id"], ["staff.id"], name=op.f("fk_text_version_approver_id")),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_text_version_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_text_version")),
    )
    op.create_index("ix_text_version_kind", "text_version", ["kind", "effective_at"], unique=False)
    triggers.install(op.get_bind())


def downgrade() -> None:
    op.drop_table("text_version")
    op.drop_table("editor_draft")
    op.drop_table("staff_token")
    op.drop_table("staff_recovery_code")
    op.drop_column("staff_session", "place")
    op.drop_column("staff_session", "device")
    op.drop_column("staff_session", "fresh_at")
    op.drop_column("staff", "left_at")
    op.drop_column("staff", "totp_offered")
