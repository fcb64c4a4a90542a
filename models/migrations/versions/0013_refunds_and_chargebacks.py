"""Refunds at the gateway, chargebacks and what a payment takes back."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from models import base, triggers
from models.checks import add_reference, allow, drop_reference, forbid, replace_check

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TASKS = ("chargeback", "fraud_warning", "refund_failed", "payment_returned")
_PAID_BEFORE = (
    "(status = 'paid_out') = (paid_entry_id IS NOT NULL)"
    " AND (paid_entry_id IS NULL) = (paid_by_id IS NULL)"
    " AND (paid_by_id IS NULL) = (paid_on IS NULL)"
)
_PAID = (
    "(status <> 'paid_out' OR paid_entry_id IS NOT NULL)"
    " AND (paid_entry_id IS NULL OR status IN ('paid_out', 'under_way'))"
    " AND (paid_entry_id IS NULL) = (paid_on IS NULL)"
    " AND (way = 'card' OR (paid_on IS NULL) = (paid_by_id IS NULL))"
    " AND (way <> 'card' OR (payment_id IS NOT NULL AND gateway_account IS NOT NULL"
    " AND idempotency_key IS NOT NULL AND status <> 'payable'))"
)
#: Further columns of a refund: name -> type.
_REFUND: dict[str, sa.types.TypeEngine[Any]] = {
    "gateway_account": sa.String(length=40),
    "idempotency_key": sa.String(length=120),
    "operation": sa.Text(),
    "request_body": sa.Text(),
    "asked_at": base.UTCDateTime(timezone=True),
    "unknown_since": base.UTCDateTime(timezone=True),
    "remote_id": sa.Text(),
    "remote_status": sa.String(length=24),
    "failure_code": sa.Text(),
}


def upgrade() -> None:
    allow(op.get_bind(), "task", "kind", *_TASKS)
    allow(op.get_bind(), "refund", "status", "under_way", "failed")
    op.execute(
        "ALTER TABLE refund ADD COLUMN way VARCHAR(24) DEFAULT 'bank_transfer' NOT NULL"
        " CONSTRAINT ck_refund_way CHECK (way IN ('bank_transfer', 'card'))"
    )
    add_reference(op.get_bind(), "refund", "payment_id", "payment")
    for name, kind in _REFUND.items():
        op.add_column("refund", sa.Column(name, kind, nullable=True))
    replace_check(op.get_bind(), "refund", "paid", _PAID)
    op.create_index("uq_refund_idempotency_key", "refund", ["idempotency_key"], unique=True)
    op.create_index("uq_refund_remote_id", "refund", ["remote_id"], unique=True)
    _create_chargeback()
    _create_reversals()
    triggers.install(op.get_bind())


def _create_chargeback() -> None:
    op.create_table(
        "chargeback",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("payment_id", base.BigId, nullable=False),
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("dispute_id", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "inquiry", "open", "under_review", "won", "lost", "closed", name="status", native_enum=False,
                create_constraint=True, length=24,
            ),
            nullable=False,
        ),
        sa.Column("is_inquiry", sa.Boolean(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("taken_minor", sa.BigInteger(), nullable=False),
        sa.Column("returned_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_currency", sa.String(length=3), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence_due_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("opened_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("looked_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("asked_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("submitted_note", sa.Text(), nullable=True),
        sa.Column("submitted_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("submitted_by_id", base.BigId, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_chargeback_amount")),
        sa.CheckConstraint("taken_minor >= 0 AND returned_minor >= 0", name=op.f("ck_chargeback_moved")),
        sa.CheckConstraint(
            "(submitted_note IS NULL) = (submitted_at IS NULL)", name=op.f("ck_chargeback_submitted")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_chargeback_account_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_chargeback_payment_id")),
        sa.ForeignKeyConstraint(
            ["submitted_by_id"], ["staff.id"], name=op.f("fk_chargeback_submitted_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chargeback")),
        sa.UniqueConstraint("dispute_id", name=op.f("uq_chargeback_dispute_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_chargeback_ref")),
    )  # fmt: skip
    op.create_index("ix_chargeback_account", "chargeback", ["account_id"])
    op.create_index("ix_chargeback_payment", "chargeback", ["payment_id"])
    op.create_index("ix_chargeback_status", "chargeback", ["status", "evidence_due_at"])


def _create_reversals() -> None:
    op.create_table(
        "payment_reversal",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("payment_id", base.BigId, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column(
            "cause",
            sa.Enum(
                "refund", "chargeback", "bank_return", "mistake", name="cause", native_enum=False,
                create_constraint=True, length=24,
            ),
            nullable=False,
        ),
        sa.Column("undoes_id", base.BigId, nullable=True),
        sa.Column("chargeback_id", base.BigId, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("allocated_minor", sa.BigInteger(), nullable=False),
        sa.Column("unapplied_minor", sa.BigInteger(), nullable=False),
        sa.Column("recovered_minor", sa.BigInteger(), nullable=False),
        sa.Column("beyond_minor", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", base.BigId, nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", base.BigId, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_reversal_amount")),
        sa.CheckConstraint(
            "allocated_minor >= 0 AND unapplied_minor >= 0 AND recovered_minor >= 0 AND beyond_minor >= 0",
            name=op.f("ck_payment_reversal_positive"),
        ),
        sa.CheckConstraint(
            "amount_minor = allocated_minor + unapplied_minor + recovered_minor + beyond_minor",
            name=op.f("ck_payment_reversal_whole"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_payment_reversal_account_id")),
        sa.ForeignKeyConstraint(
            ["chargeback_id"], ["chargeback.id"], name=op.f("fk_payment_reversal_chargeback_id")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_payment_reversal_entry_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["staff.id"], name=op.f("fk_payment_reversal_made_by_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_payment_reversal_payment_id")),
        sa.ForeignKeyConstraint(
            ["undoes_id"], ["payment_reversal.id"], name=op.f("fk_payment_reversal_undoes_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_reversal")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_payment_reversal_entry_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_payment_reversal_ref")),
        sa.UniqueConstraint("source", name=op.f("uq_payment_reversal_source")),
    )  # fmt: skip
    op.create_index("ix_payment_reversal_payment", "payment_reversal", ["payment_id"])
    op.create_index("ix_payment_reversal_account", "payment_reversal", ["account_id"])
    op.create_index("ix_payment_reversal_undoes", "payment_reversal", ["undoes_id"])
    op.create_index("ix_payment_reversal_chargeback", "payment_reversal", ["chargeback_id"])
    op.create_table(
        "allocation_reversal",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("reversal_id", base.BigId, nullable=False),
        sa.Column("allocation_id", base.BigId, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_allocation_reversal_amount")),
        sa.ForeignKeyConstraint(
            ["allocation_id"], ["allocation.id"], name=op.f("fk_allocation_reversal_allocation_id")
        ),
        sa.ForeignKeyConstraint(
            ["reversal_id"], ["payment_reversal.id"], name=op.f("fk_allocation_reversal_reversal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocation_reversal")),
    )
    op.create_index("ix_allocation_reversal_reversal", "allocation_reversal", ["reversal_id"])
    op.create_index("ix_allocation_reversal_allocation", "allocation_reversal", ["allocation_id"])


def downgrade() -> None:
    op.drop_table("allocation_reversal")
    op.drop_table("payment_reversal")
    op.drop_table("chargeback")
    op.drop_index("uq_refund_remote_id", table_name="refund")
    op.drop_index("uq_refund_idempotency_key", table_name="refund")
    # What went to a card has no place in the older tables; its ledger entries stay.
    op.execute("DELETE FROM refund WHERE way = 'card' OR status IN ('under_way', 'failed')")
    replace_check(op.get_bind(), "refund", "paid", _PAID_BEFORE)
    for name in reversed(_REFUND):
        op.drop_column("refund", name)
    drop_reference(op.get_bind(), "refund", "payment_id", "payment")
    op.drop_column("refund", "way")
    forbid(op.get_bind(), "refund", "status", "under_way", "failed")
    quoted = ", ".join(f"'{kind}'" for kind in _TASKS)
    op.execute(f"DELETE FROM task WHERE kind IN ({quoted})")  # noqa: S608 - the four names above
    forbid(op.get_bind(), "task", "kind", *_TASKS)
    triggers.install(op.get_bind())
