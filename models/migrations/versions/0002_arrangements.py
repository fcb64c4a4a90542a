"""Disputes, pauses, answers, arrangements, codes."""

import sqlalchemy as sa
from alembic import op

from models import base, triggers

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_hold",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active", "released", name="status", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since_on", sa.Date(), nullable=False),
        sa.Column("release_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("placed_by_id", base.BigId, nullable=True),
        sa.Column("placed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("released_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("release_minor > 0", name=op.f("ck_credit_hold_release")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_credit_hold_account_id")),
        sa.ForeignKeyConstraint(["placed_by_id"], ["staff.id"], name=op.f("fk_credit_hold_placed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_hold")),
        sa.UniqueConstraint("ref", name=op.f("uq_credit_hold_ref")),
    )
    op.create_index(
        "uq_credit_hold_active",
        "credit_hold",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "daily_run",
        sa.Column("work", sa.String(length=40), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("done_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_daily_run_account_id")),
        sa.PrimaryKeyConstraint("work", "account_id", "business_on", name=op.f("pk_daily_run")),
    )
    op.create_index("ix_daily_run_day", "daily_run", ["work", "business_on"], unique=False)
    op.create_table(
        "answer",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "forgot",
                "on_a_date",
                "not_all",
                "wrong_invoice",
                "missing_document",
                "have_paid",
                "tax_withheld",
                "needs_approval",
                "not_me",
                "someone_else",
                "hardship",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("given_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_answer_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_answer_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sa.UniqueConstraint("ref", name=op.f("uq_answer_ref")),
    )
    op.create_index("ix_answer_account", "answer", ["account_id", "given_at"], unique=False)
    op.create_table(
        "hardship_case",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "answered",
                "refused",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("could_pay_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("told_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("answer_by_on", sa.Date(), nullable=False),
        sa.Column("answered_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", base.BigId, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_hardship_case_account_id")),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["staff.id"], name=op.f("fk_hardship_case_answered_by_id")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_hardship_case_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hardship_case")),
        sa.UniqueConstraint("ref", name=op.f("uq_hardship_case_ref")),
    )
    op.create_index("ix_hardship_case_account", "hardship_case", ["account_id"], unique=False)
    op.create_table(
        "offer",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "awaiting_approval",
                "open",
                "refused",
                "accepted",
                "declined",
                "expired",
                "withdrawn",
                "voided",
                "superseded",
                "settled",
                "lapsed",
                "reopened",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "maker",
            sa.Enum(
                "staff", "rule", "debtor", name="maker", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("pay_by_on", sa.Date(), nullable=False),
        sa.Column(
            "discount_tax",
            sa.Enum(
                "none",
                "credit_note",
                "ask",
                name="discount_tax",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("proposed_by_staff_id", base.BigId, nullable=True),
        sa.Column("proposed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("answer_by_on", sa.Date(), nullable=True),
        sa.Column("decided_by_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("supersedes_id", base.BigId, nullable=True),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("accepted_name", sa.Text(), nullable=True),
        sa.Column("accepted_role", sa.Text(), nullable=True),
        sa.Column("accepted_language", sa.String(length=2), nullable=True),
        sa.Column("accepted_ip_prefix", sa.Text(), nullable=True),
        sa.Column("accepted_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor > 0 AND amount_minor < balance_minor", name=op.f("ck_offer_amount")),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR proposed_by_staff_id IS NULL OR decided_by_id <> proposed_by_staff_id",
            name=op.f("ck_offer_four_eyes"),
        ),
        sa.CheckConstraint("pay_by_on >= expires_on", name=op.f("ck_offer_days")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_offer_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_offer_contact_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_offer_decided_by_id")),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_offer_policy_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by_staff_id"], ["staff.id"], name=op.f("fk_offer_proposed_by_staff_id")
        ),
        sa.ForeignKeyConstraint(["supersedes_id"], ["offer.id"], name=op.f("fk_offer_supersedes_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
        sa.UniqueConstraint("ref", name=op.f("uq_offer_ref")),
    )
    op.create_index("ix_offer_supersedes", "offer", ["supersedes_id"], unique=False)
    op.create_index("ix_offer_account", "offer", ["account_id"], unique=False)
    op.create_index("ix_offer_status", "offer", ["status", "expires_on"], unique=False)
    op.create_table(
        "promise",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("promised_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "kept",
                "broken",
                "superseded",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("changes_id", base.BigId, nullable=True),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("received_minor", sa.BigInteger(), nullable=False),
        sa.Column("judged_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_promise_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_promise_account_id")),
        sa.ForeignKeyConstraint(["changes_id"], ["promise.id"], name=op.f("fk_promise_changes_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_promise_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise")),
        sa.UniqueConstraint("ref", name=op.f("uq_promise_ref")),
    )
    op.create_index("ix_promise_account", "promise", ["account_id"], unique=False)
    op.create_index(
        "uq_promise_open",
        "promise",
        ["account_id", "currency"],
        unique=True,
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "saved_card",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "active",
                "removed",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.Text(), nullable=True),
        sa.Column("payment_method_id", sa.Text(), nullable=True),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("last4", sa.String(length=4), nullable=False),
        sa.Column("expires_month", sa.Integer(), nullable=True),
        sa.Column("expires_year", sa.Integer(), nullable=True),
        sa.Column("consent_text", sa.Text(), nullable=False),
        sa.Column("consent_version", sa.Text(), nullable=False),
        sa.Column("consent_language", sa.String(length=2), nullable=False),
        sa.Column("consent_ip_prefix", sa.Text(), nullable=True),
        sa.Column("consented_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("removed_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_saved_card_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_saved_card_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_card")),
        sa.UniqueConstraint("payment_method_id", name=op.f("uq_saved_card_payment_method_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_saved_card_ref")),
    )
    op.create_index("ix_saved_card_contact", "saved_card", ["contact_id"], unique=False)
    op.create_index("ix_saved_card_account", "saved_card", ["account_id"], unique=False)
    op.create_table(
        "adjustment",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("entry_id", base.BigId, nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_adjustment_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_adjustment_account_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_adjustment_entry_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_adjustment_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adjustment")),
    )
    op.create_index("ix_adjustment_entry", "adjustment", ["entry_id"], unique=False)
    op.create_index("ix_adjustment_invoice", "adjustment", ["invoice_id"], unique=False)
    op.create_table(
        "answer_file",
        sa.Column("file_id", base.BigId, nullable=False),
        sa.Column("answer_id", base.BigId, nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"], name=op.f("fk_answer_file_answer_id")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_answer_file_file_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_answer_file")),
    )
    op.create_index("ix_answer_file_answer", "answer_file", ["answer_id"], unique=False)
    op.create_table(
        "dispute",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "opened",
                "under_review",
                "upheld",
                "partly_upheld",
                "rejected",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "missing_paperwork",
                "wrong_price",
                "wrong_quantity",
                "damaged",
                "not_delivered",
                "service",
                "wrong_tax",
                "already_paid",
                "not_ours",
                "duplicate",
                "other",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("contested_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("paid_before", sa.Boolean(), nullable=False),
        sa.Column("opened_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("answer_by_on", sa.Date(), nullable=False),
        sa.Column("handled_by_id", base.BigId, nullable=True),
        sa.Column("credited_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_note_id", base.BigId, nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("resolved_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("resolved_by_id", base.BigId, nullable=True),
        sa.Column("reopened_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("contested_minor > 0", name=op.f("ck_dispute_contested")),
        sa.CheckConstraint("credited_minor BETWEEN 0 AND contested_minor", name=op.f("ck_dispute_credited")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_dispute_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_dispute_contact_id")),
        sa.ForeignKeyConstraint(["credit_note_id"], ["invoice.id"], name=op.f("fk_dispute_credit_note_id")),
        sa.ForeignKeyConstraint(["handled_by_id"], ["staff.id"], name=op.f("fk_dispute_handled_by_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_dispute_invoice_id")),
        sa.ForeignKeyConstraint(["resolved_by_id"], ["staff.id"], name=op.f("fk_dispute_resolved_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("ref", name=op.f("uq_dispute_ref")),
    )
    op.create_index("ix_dispute_account", "dispute", ["account_id"], unique=False)
    op.create_index("ix_dispute_invoice", "dispute", ["invoice_id"], unique=False)
    op.create_index("ix_dispute_status", "dispute", ["status", "answer_by_on"], unique=False)
    op.create_table(
        "offer_invoice",
        sa.Column("offer_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.CheckConstraint("balance_minor > 0", name=op.f("ck_offer_invoice_balance")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_offer_invoice_invoice_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offer.id"], name=op.f("fk_offer_invoice_offer_id")),
        sa.PrimaryKeyConstraint("offer_id", "invoice_id", name=op.f("pk_offer_invoice")),
    )
    op.create_index("ix_offer_invoice_invoice", "offer_invoice", ["invoice_id"], unique=False)
    op.create_index(
        "uq_offer_invoice_blocking",
        "offer_invoice",
        ["invoice_id"],
        unique=True,
        sqlite_where=sa.text("blocking"),
        postgresql_where=sa.text("blocking"),
    )
    op.create_table(
        "pause",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=True),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column(
            "reason",
            sa.Enum(
                "dispute",
                "promise",
                "plan",
                "offer",
                "says_paid",
                "awaiting_our_answer",
                "document_requested",
                "their_approval",
                "withholding",
                "hardship",
                "wrong_contact",
                "debit_processing",
                "chargeback",
                "sales_talk",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("started_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("to_on IS NULL OR to_on >= from_on", name=op.f("ck_pause_days")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_pause_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_pause_contact_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_pause_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pause")),
        sa.UniqueConstraint("key", name=op.f("uq_pause_key")),
    )
    op.create_index("ix_pause_account", "pause", ["account_id", "to_on"], unique=False)
    op.create_index("ix_pause_invoice", "pause", ["invoice_id"], unique=False)
    op.create_table(
        "plan",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "proposed",
                "awaiting_approval",
                "active",
                "declined",
                "withdrawn",
                "completed",
                "defaulted",
                "cancelled",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column(
            "every",
            sa.Enum(
                "week",
                "fortnight",
                "month",
                name="every",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "pays_by",
            sa.Enum("card", "link", name="pays_by", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("saved_card_id", base.BigId, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("proposed_by_staff_id", base.BigId, nullable=True),
        sa.Column("proposed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("terms", sa.JSON(), nullable=False),
        sa.Column("terms_digest", sa.String(length=64), nullable=False),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.Column("accepted_name", sa.Text(), nullable=True),
        sa.Column("accepted_role", sa.Text(), nullable=True),
        sa.Column("accepted_language", sa.String(length=2), nullable=True),
        sa.Column("accepted_ip_prefix", sa.Text(), nullable=True),
        sa.Column("accepted_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("answer_by_on", sa.Date(), nullable=True),
        sa.Column("decided_by_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("missed_in_row", sa.Integer(), nullable=False),
        sa.Column("moves", sa.Integer(), nullable=False),
        sa.Column("cure_until_on", sa.Date(), nullable=True),
        sa.Column("ended_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "decided_by_id IS NULL OR proposed_by_staff_id IS NULL OR decided_by_id <> proposed_by_staff_id",
            name=op.f("ck_plan_four_eyes"),
        ),
        sa.CheckConstraint("total_minor > 0 AND parts > 0", name=op.f("ck_plan_size")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_plan_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_plan_contact_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_plan_decided_by_id")),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_plan_policy_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["proposed_by_staff_id"], ["staff.id"], name=op.f("fk_plan_proposed_by_staff_id")
        ),
        sa.ForeignKeyConstraint(["saved_card_id"], ["saved_card.id"], name=op.f("fk_plan_saved_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
        sa.UniqueConstraint("ref", name=op.f("uq_plan_ref")),
    )
    op.create_index("ix_plan_card", "plan", ["saved_card_id"], unique=False)
    op.create_index("ix_plan_account", "plan", ["account_id"], unique=False)
    op.create_index("ix_plan_status", "plan", ["status"], unique=False)
    op.create_table(
        "card_setup",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("saved_card_id", base.BigId, nullable=False),
        sa.Column("attempt_id", base.BigId, nullable=True),
        sa.Column("plan_id", base.BigId, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "created",
                "open",
                "processing",
                "succeeded",
                "failed",
                "cancelled",
                "expired",
                "unknown",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("idempotency_key", sa.String(length=120), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("request_body", sa.Text(), nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("started_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("finished_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.id"], name=op.f("fk_card_setup_attempt_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_card_setup_plan_id")),
        sa.ForeignKeyConstraint(
            ["saved_card_id"], ["saved_card.id"], name=op.f("fk_card_setup_saved_card_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_setup")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_card_setup_attempt_id")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_card_setup_idempotency_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_card_setup_ref")),
        sa.UniqueConstraint("remote_id", name=op.f("uq_card_setup_remote_id")),
    )
    op.create_index("ix_card_setup_card", "card_setup", ["saved_card_id"], unique=False)
    op.create_table(
        "request",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column("answer_id", base.BigId, nullable=True),
        sa.Column("invoice_id", base.BigId, nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "payment_claim",
                "withholding",
                "document",
                "other_contact",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "answered",
                "refused",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("asked_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("answer_by_on", sa.Date(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("file_id", base.BigId, nullable=True),
        sa.Column("answered_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("answered_by_id", base.BigId, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_request_account_id")),
        sa.ForeignKeyConstraint(["answer_id"], ["answer.id"], name=op.f("fk_request_answer_id")),
        sa.ForeignKeyConstraint(["answered_by_id"], ["staff.id"], name=op.f("fk_request_answered_by_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_request_contact_id")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_request_file_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_request_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request")),
        sa.UniqueConstraint("ref", name=op.f("uq_request_ref")),
    )
    op.create_index("ix_request_invoice", "request", ["invoice_id"], unique=False)
    op.create_index("ix_request_answer", "request", ["answer_id"], unique=False)
    op.create_index("ix_request_account", "request", ["account_id"], unique=False)
    op.create_index("ix_request_status", "request", ["status", "answer_by_on"], unique=False)
    op.create_table(
        "dispute_line",
        sa.Column("dispute_id", base.BigId, nullable=False),
        sa.Column("invoice_line_id", base.BigId, nullable=False),
        sa.Column("contested_minor", sa.BigInteger(), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.CheckConstraint("contested_minor > 0", name=op.f("ck_dispute_line_contested")),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_line_dispute_id")),
        sa.ForeignKeyConstraint(
            ["invoice_line_id"], ["invoice_line.id"], name=op.f("fk_dispute_line_invoice_line_id")
        ),
        sa.PrimaryKeyConstraint("dispute_id", "invoice_line_id", name=op.f("pk_dispute_line")),
    )
    op.create_index("ix_dispute_line_line", "dispute_line", ["invoice_line_id"], unique=False)
    op.create_index(
        "uq_dispute_line_holds",
        "dispute_line",
        ["invoice_line_id"],
        unique=True,
        sqlite_where=sa.text("holds"),
        postgresql_where=sa.text("holds"),
    )
    op.create_table(
        "dispute_note",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("dispute_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column("staff_id", base.BigId, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("written_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_dispute_note_contact_id")),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_note_dispute_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_dispute_note_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_note")),
    )
    op.create_index("ix_dispute_note_dispute", "dispute_note", ["dispute_id"], unique=False)
    op.create_table(
        "instalment",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("plan_id", base.BigId, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("moved_from_on", sa.Date(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "scheduled",
                "paid",
                "missed",
                "waived",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_on", sa.Date(), nullable=True),
        sa.Column("last_failure", sa.String(length=40), nullable=True),
        sa.Column("settled_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_instalment_amount")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_instalment_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalment")),
        sa.UniqueConstraint("plan_id", "seq", name=op.f("uq_instalment_plan_id_seq")),
        sa.UniqueConstraint("ref", name=op.f("uq_instalment_ref")),
    )
    op.create_index("ix_instalment_due", "instalment", ["status", "due_on"], unique=False)
    op.create_table(
        "link_invoice",
        sa.Column("link_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_link_invoice_invoice_id")),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name=op.f("fk_link_invoice_link_id")),
        sa.PrimaryKeyConstraint("link_id", name=op.f("pk_link_invoice")),
    )
    op.create_table(
        "plan_invoice",
        sa.Column("plan_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("covered_minor", sa.BigInteger(), nullable=False),
        sa.Column("beside_minor", sa.BigInteger(), nullable=False),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.CheckConstraint("covered_minor > 0", name=op.f("ck_plan_invoice_covered")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_plan_invoice_invoice_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_invoice_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", "invoice_id", name=op.f("pk_plan_invoice")),
    )
    op.create_index("ix_plan_invoice_invoice", "plan_invoice", ["invoice_id"], unique=False)
    op.create_index(
        "uq_plan_invoice_blocking",
        "plan_invoice",
        ["invoice_id"],
        unique=True,
        sqlite_where=sa.text("blocking"),
        postgresql_where=sa.text("blocking"),
    )
    op.create_table(
        "survey",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("payment_id", base.BigId, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("answered_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_survey_score")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_survey_account_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_survey_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey")),
        sa.UniqueConstraint("payment_id", name=op.f("uq_survey_payment_id")),
    )
    op.create_table(
        "dispute_file",
        sa.Column("file_id", base.BigId, nullable=False),
        sa.Column("dispute_id", base.BigId, nullable=False),
        sa.Column("note_id", base.BigId, nullable=False),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_file_dispute_id")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_dispute_file_file_id")),
        sa.ForeignKeyConstraint(["note_id"], ["dispute_note.id"], name=op.f("fk_dispute_file_note_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_dispute_file")),
    )
    op.create_index("ix_dispute_file_dispute", "dispute_file", ["dispute_id"], unique=False)
    op.create_table(
        "dispute_draft",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("form", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("shown_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("saved_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_dispute_draft_account_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_dispute_draft_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_draft")),
        sa.UniqueConstraint("invoice_id", name=op.f("uq_dispute_draft_invoice_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_dispute_draft_ref")),
    )
    op.create_index("ix_dispute_draft_saved", "dispute_draft", ["saved_at"], unique=False)
    op.create_table(
        "instalment_charge",
        sa.Column("attempt_id", base.BigId, nullable=False),
        sa.Column("instalment_id", base.BigId, nullable=False),
        sa.Column("try_number", sa.Integer(), nullable=False),
        sa.Column("credited", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.id"], name=op.f("fk_instalment_charge_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["instalment_id"], ["instalment.id"], name=op.f("fk_instalment_charge_instalment_id")
        ),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_instalment_charge")),
        sa.UniqueConstraint(
            "instalment_id", "try_number", name=op.f("uq_instalment_charge_instalment_id_try_number")
        ),
    )
    op.create_index(
        "uq_instalment_charge_credited",
        "instalment_charge",
        ["instalment_id"],
        unique=True,
        sqlite_where=sa.text("credited"),
        postgresql_where=sa.text("credited"),
    )
    op.create_table(
        "one_time_code",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("session_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "staff", name="channel", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("purpose", sa.String(length=60), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("code_digest", sa.String(length=64), nullable=True),
        sa.Column("salt", sa.Text(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("caller", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_one_time_code_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_one_time_code_contact_id")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["link_session.id"], name=op.f("fk_one_time_code_session_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_code")),
    )
    op.create_index("ix_one_time_code_account", "one_time_code", ["account_id", "asked_at"], unique=False)
    op.create_index("ix_one_time_code_caller", "one_time_code", ["caller", "asked_at"], unique=False)
    op.create_index("ix_one_time_code_session", "one_time_code", ["session_id"], unique=False)
    triggers.install(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_one_time_code_session", table_name="one_time_code")
    op.drop_index("ix_one_time_code_caller", table_name="one_time_code")
    op.drop_index("ix_one_time_code_account", table_name="one_time_code")
    op.drop_table("one_time_code")
    op.drop_index(
        "uq_instalment_charge_credited",
        table_name="instalment_charge",
        sqlite_where=sa.text("credited"),
        postgresql_where=sa.text("credited"),
    )
    op.drop_table("instalment_charge")
    op.drop_index("ix_dispute_draft_saved", table_name="dispute_draft")
    op.drop_table("dispute_draft")
    op.drop_index("ix_dispute_file_dispute", table_name="dispute_file")
    op.drop_table("dispute_file")
    op.drop_table("survey")
    op.drop_index(
        "uq_plan_invoice_blocking",
        table_name="plan_invoice",
        sqlite_where=sa.text("blocking"),
        postgresql_where=sa.text("blocking"),
    )
    op.drop_index("ix_plan_invoice_invoice", table_name="plan_invoice")
    op.drop_table("plan_invoice")
    op.drop_table("link_invoice")
    op.drop_index("ix_instalment_due", table_name="instalment")
    op.drop_table("instalment")
    op.drop_index("ix_dispute_note_dispute", table_name="dispute_note")
    op.drop_table("dispute_note")
    op.drop_index(
        "uq_dispute_line_holds",
        table_name="dispute_line",
        sqlite_where=sa.text("holds"),
        postgresql_where=sa.text("holds"),
    )
    op.drop_index("ix_dispute_line_line", table_name="dispute_line")
    op.drop_table("dispute_line")
    op.drop_index("ix_request_status", table_name="request")
    op.drop_index("ix_request_account", table_name="request")
    op.drop_index("ix_request_answer", table_name="request")
    op.drop_index("ix_request_invoice", table_name="request")
    op.drop_table("request")
    op.drop_index("ix_card_setup_card", table_name="card_setup")
    op.drop_table("card_setup")
    op.drop_index("ix_plan_status", table_name="plan")
    op.drop_index("ix_plan_account", table_name="plan")
    op.drop_index("ix_plan_card", table_name="plan")
    op.drop_table("plan")
    op.drop_index("ix_pause_invoice", table_name="pause")
    op.drop_index("ix_pause_account", table_name="pause")
    op.drop_table("pause")
    op.drop_index(
        "uq_offer_invoice_blocking",
        table_name="offer_invoice",
        sqlite_where=sa.text("blocking"),
        postgresql_where=sa.text("blocking"),
    )
    op.drop_index("ix_offer_invoice_invoice", table_name="offer_invoice")
    op.drop_table("offer_invoice")
    op.drop_index("ix_dispute_status", table_name="dispute")
    op.drop_index("ix_dispute_invoice", table_name="dispute")
    op.drop_index("ix_dispute_account", table_name="dispute")
    op.drop_table("dispute")
    op.drop_index("ix_answer_file_answer", table_name="answer_file")
    op.drop_table("answer_file")
    op.drop_index("ix_adjustment_invoice", table_name="adjustment")
    op.drop_index("ix_adjustment_entry", table_name="adjustment")
    op.drop_table("adjustment")
    op.drop_index("ix_saved_card_account", table_name="saved_card")
    op.drop_index("ix_saved_card_contact", table_name="saved_card")
    op.drop_table("saved_card")
    op.drop_index(
        "uq_promise_open",
        table_name="promise",
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )
    op.drop_index("ix_promise_account", table_name="promise")
    op.drop_table("promise")
    op.drop_index("ix_offer_status", table_name="offer")
    op.drop_index("ix_offer_account", table_name="offer")
    op.drop_index("ix_offer_supersedes", table_name="offer")
    op.drop_table("offer")
    op.drop_index("ix_hardship_case_account", table_name="hardship_case")
    op.drop_table("hardship_case")
    op.drop_index("ix_answer_account", table_name="answer")
    op.drop_table("answer")
    op.drop_index("ix_daily_run_day", table_name="daily_run")
    op.drop_table("daily_run")
    op.drop_index(
        "uq_credit_hold_active",
        table_name="credit_hold",
        sqlite_where=sa.text("status = 'active'"),
        postgresql_where=sa.text("status = 'active'"),
    )
    op.drop_table("credit_hold")
