"""Visits and messengers beside calls, recordings and photos, and cases of arrears."""

import sqlalchemy as sa
from alembic import op

from models import base, triggers

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("call_attempt", sa.Column("direction", sa.String(8), server_default="out", nullable=False))
    op.add_column("call_attempt", sa.Column("channel", sa.String(12), server_default="phone", nullable=False))
    op.add_column("call_attempt", sa.Column("number", sa.String(80), nullable=True))
    op.add_column("call_attempt", sa.Column("checks", sa.JSON(), nullable=True))
    op.create_table(
        "call_file",
        sa.Column("file_id", base.BigId, nullable=False),
        sa.Column("call_id", base.BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("recording", "photo", name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("basis", sa.String(length=20), nullable=True),
        sa.Column("rule", sa.String(length=12), nullable=True),
        sa.CheckConstraint(
            "kind <> 'recording' OR (basis IS NOT NULL AND rule IS NOT NULL)", name=op.f("ck_call_file_basis")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call_attempt.id"], name=op.f("fk_call_file_call_id")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_call_file_file_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_call_file")),
    )
    op.create_index("ix_call_file_call", "call_file", ["call_id"], unique=False)
    op.create_table(
        "arrears_case",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("since_on", sa.Date(), nullable=False),
        sa.Column("peak_minor", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closed_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column(
            "ended",
            sa.Enum(
                "paid", "credited", "written_off", name="ended", native_enum=False, create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("acts", sa.Integer(), nullable=True),
        sa.Column("recovered_minor", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("worked", sa.String(length=60), nullable=True),
        sa.Column("rung", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.String(length=40), nullable=True),
        sa.Column("lesson", sa.Text(), nullable=True),
        sa.Column("lesson_by_id", base.BigId, nullable=True),
        sa.Column("lesson_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("recovered_minor >= 0 AND peak_minor > 0", name=op.f("ck_arrears_case_amounts")),
        sa.CheckConstraint("(closed_on IS NULL) = (ended IS NULL)", name=op.f("ck_arrears_case_closed")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_arrears_case_account_id")),
        sa.ForeignKeyConstraint(["lesson_by_id"], ["staff.id"], name=op.f("fk_arrears_case_lesson_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrears_case")),
        sa.UniqueConstraint("ref", name=op.f("uq_arrears_case_ref")),
    )  # fmt: skip
    op.create_index("ix_arrears_case_account", "arrears_case", ["account_id"], unique=False)
    op.create_index("ix_arrears_case_closed", "arrears_case", ["closed_on"], unique=False)
    op.create_index(
        "uq_arrears_case_open",
        "arrears_case",
        ["account_id", "currency"],
        unique=True,
        sqlite_where=sa.text("closed_on IS NULL"),
        postgresql_where=sa.text("closed_on IS NULL"),
    )
    triggers.install(op.get_bind())


def downgrade() -> None:
    op.drop_table("arrears_case")
    op.drop_table("call_file")
    for name in ("checks", "number", "channel", "direction"):
        op.drop_column("call_attempt", name)
    triggers.install(op.get_bind())
