"""Requests for four eyes, deputies, refunds; who decides alone is marked as such."""

import sqlalchemy as sa
from alembic import op

from models import base, triggers
from models.checks import allow, forbid, replace_check

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

#: Table -> what its check of four eyes says.
_FOUR_EYES = {
    "offer": "decided_by_id IS NULL OR proposed_by_staff_id IS NULL OR decided_by_id <> proposed_by_staff_id",
    "plan": "decided_by_id IS NULL OR proposed_by_staff_id IS NULL OR decided_by_id <> proposed_by_staff_id",
    "ladder_version": "approver_id IS NULL OR approver_id <> author_id",
    "rules_draft": "status <> 'published' OR decided_by_id <> author_id",
}


def upgrade() -> None:
    allow(op.get_bind(), "task", "kind", "pay_refund")
    for table, check in _FOUR_EYES.items():
        op.add_column(table, sa.Column("is_alone", sa.Boolean(), server_default=sa.false(), nullable=False))
        replace_check(op.get_bind(), table, "four_eyes", f"is_alone OR {check}")
    op.create_table(
        "deputy",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("deputy_id", base.BigId, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("named_by_id", base.BigId, nullable=False),
        sa.Column("named_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", base.BigId, nullable=True),
        sa.CheckConstraint("deputy_id <> staff_id", name=op.f("ck_deputy_other")),
        sa.CheckConstraint("to_on >= from_on", name=op.f("ck_deputy_days")),
        sa.ForeignKeyConstraint(["deputy_id"], ["staff.id"], name=op.f("fk_deputy_deputy_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["staff.id"], name=op.f("fk_deputy_ended_by_id")),
        sa.ForeignKeyConstraint(["named_by_id"], ["staff.id"], name=op.f("fk_deputy_named_by_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_deputy_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deputy")),
        sa.UniqueConstraint("ref", name=op.f("uq_deputy_ref")),
    )
    op.create_index("ix_deputy_deputy", "deputy", ["deputy_id", "to_on"], unique=False)
    op.create_table(
        "approval_request",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "write_off",
                "write_off_reopening",
                "refund",
                "waiver",
                "hold_release",
                "policy",
                "text",
                "staff_role",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("subject_ref", sa.String(length=120), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "approved",
                "refused",
                "withdrawn",
                "voided",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("account_id", base.BigId, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposer_id", base.BigId, nullable=False),
        sa.Column("proposed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("supersedes_id", base.BigId, nullable=True),
        sa.Column("approver_id", base.BigId, nullable=True),
        sa.Column("deputy_for_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("is_alone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status NOT IN ('approved', 'refused') OR (approver_id IS NOT NULL AND decided_at IS NOT NULL)",
            name=op.f("ck_approval_request_decided"),
        ),
        sa.CheckConstraint(
            "(amount_minor IS NULL) = (currency IS NULL)", name=op.f("ck_approval_request_money")
        ),
        sa.CheckConstraint(
            "amount_minor IS NULL OR amount_minor > 0", name=op.f("ck_approval_request_amount")
        ),
        sa.CheckConstraint(
            "deputy_for_id IS NULL OR deputy_for_id <> proposer_id", name=op.f("ck_approval_request_deputy")
        ),
        sa.CheckConstraint(
            "is_alone OR approver_id IS NULL OR approver_id <> proposer_id",
            name=op.f("ck_approval_request_four_eyes"),
        ),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_approval_request_reason")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_approval_request_account_id")),
        sa.ForeignKeyConstraint(["approver_id"], ["staff.id"], name=op.f("fk_approval_request_approver_id")),
        sa.ForeignKeyConstraint(
            ["deputy_for_id"], ["staff.id"], name=op.f("fk_approval_request_deputy_for_id")
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_approval_request_policy_version_id")
        ),
        sa.ForeignKeyConstraint(["proposer_id"], ["staff.id"], name=op.f("fk_approval_request_proposer_id")),
        sa.ForeignKeyConstraint(
            ["supersedes_id"], ["approval_request.id"], name=op.f("fk_approval_request_supersedes_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_request")),
        sa.UniqueConstraint("ref", name=op.f("uq_approval_request_ref")),
    )
    op.create_index("ix_approval_request_account", "approval_request", ["account_id"], unique=False)
    op.create_index("ix_approval_request_status", "approval_request", ["status", "proposed_at"], unique=False)
    op.create_index(
        "uq_approval_request_waiting",
        "approval_request",
        ["kind", "subject_ref"],
        unique=True,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "refund",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("request_id", base.BigId, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "payable", "paid_out", name="status", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("bank_account", sa.Text(), nullable=False),
        sa.Column("entry_id", base.BigId, nullable=False),
        sa.Column("approved_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("paid_by_id", base.BigId, nullable=True),
        sa.Column("bank_reference", sa.String(length=140), nullable=True),
        sa.Column("paid_entry_id", base.BigId, nullable=True),
        sa.CheckConstraint(
            "(status = 'paid_out') = (paid_entry_id IS NOT NULL)"
            " AND (paid_entry_id IS NULL) = (paid_by_id IS NULL)"
            " AND (paid_by_id IS NULL) = (paid_on IS NULL)",
            name=op.f("ck_refund_paid"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_refund_account_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_refund_entry_id")),
        sa.ForeignKeyConstraint(["paid_by_id"], ["staff.id"], name=op.f("fk_refund_paid_by_id")),
        sa.ForeignKeyConstraint(["paid_entry_id"], ["ledger_entry.id"], name=op.f("fk_refund_paid_entry_id")),
        sa.ForeignKeyConstraint(["request_id"], ["approval_request.id"], name=op.f("fk_refund_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_refund")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_refund_entry_id")),
        sa.UniqueConstraint("paid_entry_id", name=op.f("uq_refund_paid_entry_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_refund_ref")),
        sa.UniqueConstraint("request_id", name=op.f("uq_refund_request_id")),
    )
    op.create_index("ix_refund_account", "refund", ["account_id"], unique=False)
    op.create_index("ix_refund_status", "refund", ["status"], unique=False)
    triggers.install(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_refund_status", table_name="refund")
    op.drop_index("ix_refund_account", table_name="refund")
    op.drop_table("refund")
    op.drop_index(
        "uq_approval_request_waiting",
        table_name="approval_request",
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.drop_index("ix_approval_request_status", table_name="approval_request")
    op.drop_index("ix_approval_request_account", table_name="approval_request")
    op.drop_table("approval_request")
    op.drop_index("ix_deputy_deputy", table_name="deputy")
    op.drop_table("deputy")
    for table, check in _FOUR_EYES.items():
        replace_check(op.get_bind(), table, "four_eyes", check)
        op.drop_column(table, "is_alone")
    op.execute("DELETE FROM task WHERE kind = 'pay_refund'")
    forbid(op.get_bind(), "task", "kind", "pay_refund")
    triggers.install(op.get_bind())
