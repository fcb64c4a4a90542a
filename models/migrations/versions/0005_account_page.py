"""Notes, files and pay runs of the account page; credit limits; messages that people write themselves."""

import sqlalchemy as sa
from alembic import op

from models import base, checks, triggers

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    checks.allow(op.get_bind(), "task", "kind", "mention", "follow_up")
    op.create_table(
        "account_note",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("corrects_id", base.BigId, nullable=True),
        sa.Column("written_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(words) > 0", name=op.f("ck_account_note_words")),
        sa.CheckConstraint("corrects_id IS NULL OR corrects_id < id", name=op.f("ck_account_note_corrects")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_note_account_id")),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["account_note.id"], name=op.f("fk_account_note_corrects_id")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_account_note_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_note")),
        sa.UniqueConstraint("corrects_id", name=op.f("uq_account_note_corrects_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_account_note_ref")),
    )
    op.create_index("ix_account_note_account", "account_note", ["account_id", "written_at"], unique=False)
    op.create_table(
        "note_mention",
        sa.Column("note_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.ForeignKeyConstraint(["note_id"], ["account_note.id"], name=op.f("fk_note_mention_note_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_note_mention_staff_id")),
        sa.PrimaryKeyConstraint("note_id", "staff_id", name=op.f("pk_note_mention")),
    )
    op.create_table(
        "account_file",
        sa.Column("file_id", base.BigId, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("put_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_file_account_id")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_account_file_file_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_account_file_staff_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_account_file")),
    )
    op.create_index("ix_account_file_account", "account_file", ["account_id", "put_at"], unique=False)
    op.create_table(
        "pay_run",
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column(
            "cycle",
            sa.Enum(
                "week",
                "fortnight",
                "month",
                name="cycle",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("known_on", sa.Date(), nullable=True),
        sa.Column("month_days", sa.String(length=40), nullable=True),
        sa.Column("set_by_id", base.BigId, nullable=True),
        sa.Column("set_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(cycle = 'month' AND month_days IS NOT NULL) OR (cycle <> 'month' AND known_on IS NOT NULL)",
            name=op.f("ck_pay_run_days"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_pay_run_account_id")),
        sa.ForeignKeyConstraint(["set_by_id"], ["staff.id"], name=op.f("fk_pay_run_set_by_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_pay_run")),
    )
    _credit()
    _writing()
    triggers.install(op.get_bind())


def _credit() -> None:
    op.create_table(
        "credit_limit",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("limit_minor", sa.BigInteger(), nullable=True),
        sa.Column("set_by_id", base.BigId, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("limit_minor IS NULL OR limit_minor >= 0", name=op.f("ck_credit_limit_limit")),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_credit_limit_reason")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_credit_limit_account_id")),
        sa.ForeignKeyConstraint(["set_by_id"], ["staff.id"], name=op.f("fk_credit_limit_set_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_limit")),
    )
    op.create_index("ix_credit_limit_account", "credit_limit", ["account_id", "currency", "id"], unique=False)
    op.create_table(
        "orders_open",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("as_of_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("told_by_id", base.BigId, nullable=True),
        sa.Column("told_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_orders_open_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_orders_open_account_id")),
        sa.ForeignKeyConstraint(["told_by_id"], ["staff.id"], name=op.f("fk_orders_open_told_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders_open")),
    )
    op.create_index("ix_orders_open_account", "orders_open", ["account_id", "currency", "id"], unique=False)


def _writing() -> None:
    op.create_table(
        "snippet",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("owner_id", base.BigId, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("changed_by_id", base.BigId, nullable=True),
        sa.Column("changed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("length(name) > 0", name=op.f("ck_snippet_name")),
        sa.ForeignKeyConstraint(["changed_by_id"], ["staff.id"], name=op.f("fk_snippet_changed_by_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["staff.id"], name=op.f("fk_snippet_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_snippet")),
        sa.UniqueConstraint("ref", name=op.f("uq_snippet_ref")),
    )
    op.create_index("ix_snippet_owner", "snippet", ["owner_id"], unique=False)
    op.create_table(
        "snippet_text",
        sa.Column("snippet_id", base.BigId, nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["snippet_id"], ["snippet.id"], name=op.f("fk_snippet_text_snippet_id")),
        sa.PrimaryKeyConstraint("snippet_id", "language", name=op.f("pk_snippet_text")),
    )
    op.create_table(
        "personal_message",
        sa.Column("message_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("snippet", sa.Text(), nullable=True),
        sa.Column("answers_id", base.BigId, nullable=True),
        sa.CheckConstraint("length(words) > 0", name=op.f("ck_personal_message_words")),
        sa.ForeignKeyConstraint(
            ["answers_id"], ["inbound_message.id"], name=op.f("fk_personal_message_answers_id")
        ),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_personal_message_message_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_personal_message_staff_id")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_personal_message")),
    )
    op.create_index("ix_personal_message_answers", "personal_message", ["answers_id"], unique=False)


def downgrade() -> None:
    for table in (
        "personal_message", "snippet_text", "snippet", "orders_open", "credit_limit", "pay_run",
        "account_file", "note_mention", "account_note",
    ):  # fmt: skip
        op.drop_table(table)
    checks.forbid(op.get_bind(), "task", "kind", "mention", "follow_up")
