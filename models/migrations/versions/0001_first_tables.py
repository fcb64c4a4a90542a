"""The first tables, the chart of accounts and the triggers."""

import sqlalchemy as sa
from alembic import op

from models import base, triggers
from models.ledger import NATURES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "creditor",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("short_name", sa.String(length=20), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("company_number", sa.Text(), nullable=True),
        sa.Column("tax_id", sa.Text(), nullable=True),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("languages", sa.JSON(), nullable=False),
        sa.Column("brand_colour", sa.String(length=7), nullable=False),
        sa.Column("logo_digest", sa.String(length=64), nullable=True),
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("email_from", sa.Text(), nullable=False),
        sa.Column("person_name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("verify_url", sa.Text(), nullable=False),
        sa.Column("shop_url", sa.Text(), nullable=True),
        sa.Column("created_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("brand_colour LIKE '#______'", name=op.f("ck_creditor_brand_colour")),
        sa.CheckConstraint("length(short_name) <= 20", name=op.f("ck_creditor_short_name")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creditor")),
        sa.UniqueConstraint("code", name=op.f("uq_creditor_code")),
        sa.UniqueConstraint("ref", name=op.f("uq_creditor_ref")),
    )
    op.create_table(
        "guess_counter",
        sa.Column("bucket", sa.String(length=120), nullable=False),
        sa.Column("window_started_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "window_started_at", name=op.f("pk_guess_counter")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("host", sa.String(length=120), nullable=False),
        sa.Column("started_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("seen_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("host", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "inbox_event",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("intent_id", sa.Text(), nullable=True),
        sa.Column("attempt_ref", sa.Text(), nullable=True),
        sa.Column("tagged", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "received",
                "processing",
                "done",
                "failed",
                "parked",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("locked_until", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("received_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("done_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_event")),
        sa.UniqueConstraint("event_id", name=op.f("uq_inbox_event_event_id")),
    )
    op.create_index("ix_inbox_event_due", "inbox_event", ["status", "next_try_at"], unique=False)
    op.create_index("ix_inbox_event_received", "inbox_event", ["received_at"], unique=False)
    op.create_table(
        "job",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "running",
                "done",
                "dead",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("run_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("locked_until", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("queued_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("done_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("key", name=op.f("uq_job_key")),
    )
    op.create_index("ix_job_due", "job", ["status", "run_at"], unique=False)
    op.create_table(
        "ledger_account",
        sa.Column(
            "code",
            sa.Enum(
                "receivables",
                "unapplied_credit",
                "gateway_clearing",
                "gateway_fees",
                "bank",
                "bank_in_transit",
                "chargebacks_held",
                "refunds_payable",
                "opening_counterpart",
                "settlement_discounts",
                "settlement_discount_tax",
                "bad_debt",
                "credit_notes",
                "small_differences",
                "withholding_tax",
                "exchange",
                "late_fee_income",
                "interest_income",
                "agency_commission",
                "recoveries",
                name="code",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "nature",
            sa.Enum(
                "asset",
                "liability",
                "income",
                "expense",
                name="nature",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_ledger_account")),
    )
    op.create_table(
        "staff",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column(
            "role",
            sa.Enum(
                "collector",
                "supervisor",
                "accountant",
                "salesperson",
                "auditor",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff")),
        sa.UniqueConstraint("email", name=op.f("uq_staff_email")),
        sa.UniqueConstraint("ref", name=op.f("uq_staff_ref")),
    )
    op.create_table(
        "account",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("creditor_id", base.BigId, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "debtor_type",
            sa.Enum(
                "business",
                "sole_trader",
                "private_person",
                name="debtor_type",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("language_chosen_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("payer_id", base.BigId, nullable=True),
        sa.Column("shown_to_payer", sa.Boolean(), nullable=False),
        sa.Column("postal_address", sa.Text(), nullable=True),
        sa.Column("pay_days", sa.Text(), nullable=True),
        sa.Column("required_references", sa.Text(), nullable=True),
        sa.Column("collector_id", base.BigId, nullable=True),
        sa.Column("salesperson_id", base.BigId, nullable=True),
        sa.Column("sponsor_id", base.BigId, nullable=True),
        sa.Column(
            "segment",
            sa.Enum(
                "reminder",
                "own_terms",
                "open_problem",
                "hardship",
                "no_agreement",
                "untraceable",
                name="segment",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("agreed_days", sa.Integer(), nullable=False),
        sa.Column("ladder", sa.String(length=40), nullable=True),
        sa.Column("in_pilot", sa.Boolean(), nullable=False),
        sa.Column("created_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("payer_id IS NULL OR payer_id <> id", name=op.f("ck_account_payer")),
        sa.CheckConstraint("agreed_days >= 0", name=op.f("ck_account_agreed_days")),
        sa.ForeignKeyConstraint(["collector_id"], ["staff.id"], name=op.f("fk_account_collector_id")),
        sa.ForeignKeyConstraint(["creditor_id"], ["creditor.id"], name=op.f("fk_account_creditor_id")),
        sa.ForeignKeyConstraint(["payer_id"], ["account.id"], name=op.f("fk_account_payer_id")),
        sa.ForeignKeyConstraint(["salesperson_id"], ["staff.id"], name=op.f("fk_account_salesperson_id")),
        sa.ForeignKeyConstraint(["sponsor_id"], ["staff.id"], name=op.f("fk_account_sponsor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("creditor_id", "number", name=op.f("uq_account_creditor_id_number")),
        sa.UniqueConstraint("ref", name=op.f("uq_account_ref")),
    )
    op.create_index("ix_account_collector", "account", ["collector_id"], unique=False)
    op.create_index("ix_account_name", "account", ["name"], unique=False)
    op.create_table(
        "creditor_bank_account",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("creditor_id", base.BigId, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("bank_name", sa.Text(), nullable=False),
        sa.Column("iban", sa.Text(), nullable=True),
        sa.Column("bic", sa.Text(), nullable=True),
        sa.Column("local_number", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["creditor_id"], ["creditor.id"], name=op.f("fk_creditor_bank_account_creditor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_creditor_bank_account")),
        sa.UniqueConstraint(
            "creditor_id", "currency", name=op.f("uq_creditor_bank_account_creditor_id_currency")
        ),
    )
    op.create_table(
        "import_batch",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("creditor_id", base.BigId, nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "staged",
                "applying",
                "applied",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("staging_path", sa.String(length=400), nullable=False),
        sa.Column("invoices_total", sa.Integer(), nullable=False),
        sa.Column("invoices_applied", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("started_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("applied_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["creditor_id"], ["creditor.id"], name=op.f("fk_import_batch_creditor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
        sa.UniqueConstraint("content_digest", name=op.f("uq_import_batch_content_digest")),
        sa.UniqueConstraint("ref", name=op.f("uq_import_batch_ref")),
    )
    op.create_table(
        "policy_version",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("house", "contact", name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("effective_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("author_id", base.BigId, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_policy_version_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_version")),
    )
    op.create_table(
        "staff_session",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("session_digest", sa.String(length=64), nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("started_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_session_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_session")),
        sa.UniqueConstraint("session_digest", name=op.f("uq_staff_session_session_digest")),
    )
    op.create_index("ix_staff_session_staff", "staff_session", ["staff_id"], unique=False)
    op.create_table(
        "access_log",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("occurred_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("account_id", base.BigId, nullable=True),
        sa.Column("request_id", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_access_log_account_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_access_log_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log")),
    )
    op.create_index("ix_access_log_account", "access_log", ["account_id", "occurred_at"], unique=False)
    op.create_table(
        "account_flag",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "wrong_party",
                "deceased",
                "bankruptcy",
                "breathing_space",
                "cease_request",
                "attorney",
                "vulnerability",
                "mental_health_crisis",
                "minor",
                "legal_hold",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_flag_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_flag")),
    )
    op.create_index("ix_account_flag_account", "account_flag", ["account_id"], unique=False)
    op.create_table(
        "alert",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("account_id", base.BigId, nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("raised_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("closed_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", base.BigId, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_alert_account_id")),
        sa.ForeignKeyConstraint(["closed_by_id"], ["staff.id"], name=op.f("fk_alert_closed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("ref", name=op.f("uq_alert_ref")),
    )
    op.create_index(
        "uq_alert_open",
        "alert",
        ["code", "key"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("id", base.BigId, nullable=False),
        sa.Column("occurred_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("actor_kind", sa.String(length=20), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("account_id", base.BigId, nullable=True),
        sa.Column("subject_kind", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("form", sa.Integer(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_audit_entry_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_entry_hash")),
        sa.UniqueConstraint("prev_hash", name=op.f("uq_audit_entry_prev_hash")),
    )
    op.create_index("ix_audit_entry_account", "audit_entry", ["account_id", "occurred_at"], unique=False)
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject_kind", "subject_id"], unique=False)
    op.create_table(
        "contact",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column("may_commit", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("changed_by_staff_id", base.BigId, nullable=True),
        sa.Column("changed_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("forwarded_by_id", base.BigId, nullable=True),
        sa.Column("preferred_channel", sa.String(length=8), nullable=True),
        sa.Column("quiet_from", sa.String(length=5), nullable=True),
        sa.Column("quiet_to", sa.String(length=5), nullable=True),
        sa.Column("no_calls_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("created_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("email IS NOT NULL OR phone IS NOT NULL", name=op.f("ck_contact_reachable")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_contact_account_id")),
        sa.ForeignKeyConstraint(
            ["changed_by_staff_id"], ["staff.id"], name=op.f("fk_contact_changed_by_staff_id")
        ),
        sa.ForeignKeyConstraint(["forwarded_by_id"], ["contact.id"], name=op.f("fk_contact_forwarded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("ref", name=op.f("uq_contact_ref")),
    )
    op.create_index("ix_contact_account", "contact", ["account_id"], unique=False)
    op.create_index("ix_contact_email", "contact", ["email"], unique=False)
    op.create_index("ix_contact_phone", "contact", ["phone"], unique=False)
    op.create_table(
        "file",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("content_digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("account_id", base.BigId, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "unchecked",
                "waiting",
                "clean",
                "infected",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("retention_class", sa.String(length=40), nullable=False),
        sa.Column("stored_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_file_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file")),
        sa.UniqueConstraint("ref", name=op.f("uq_file_ref")),
    )
    op.create_index("ix_file_account", "file", ["account_id"], unique=False)
    op.create_index("ix_file_content", "file", ["content_digest"], unique=False)
    op.create_index("ix_file_retention", "file", ["retention_class", "stored_at"], unique=False)
    op.create_table(
        "ledger_entry",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("creditor_id", base.BigId, nullable=False),
        sa.Column("reference", sa.String(length=120), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("posted_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("reverses_id", base.BigId, nullable=True),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.CheckConstraint("reverses_id IS NULL OR reverses_id <> id", name=op.f("ck_ledger_entry_reverses")),
        sa.ForeignKeyConstraint(["creditor_id"], ["creditor.id"], name=op.f("fk_ledger_entry_creditor_id")),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_ledger_entry_policy_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["ledger_entry.id"], name=op.f("fk_ledger_entry_reverses_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("reference", name=op.f("uq_ledger_entry_reference")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_entry_reverses_id")),
    )
    op.create_index("ix_ledger_entry_posted_on", "ledger_entry", ["posted_on"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "unapplied_money",
                "call_back",
                "dispute",
                "approval",
                "request",
                "hardship",
                "promise_broken",
                "plan_trouble",
                "refund_asked",
                "discount_tax",
                "ladder_call",
                "sales",
                "management",
                "make_offer",
                "hold_credit",
                "prepayment_over",
                "hand_over",
                "trace",
                "read_reply",
                "confirm_segment",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("assigned_to_id", base.BigId, nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("due_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("created_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("done_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("done_by_id", base.BigId, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_task_account_id")),
        sa.ForeignKeyConstraint(["assigned_to_id"], ["staff.id"], name=op.f("fk_task_assigned_to_id")),
        sa.ForeignKeyConstraint(["done_by_id"], ["staff.id"], name=op.f("fk_task_done_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
        sa.UniqueConstraint("key", name=op.f("uq_task_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_task_ref")),
    )
    op.create_index("ix_task_account", "task", ["account_id"], unique=False)
    op.create_index("ix_task_open", "task", ["done_at", "due_at"], unique=False)
    op.create_table(
        "audit_detail",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("audit_entry_id", base.BigId, nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["audit_entry_id"], ["audit_entry.id"], name=op.f("fk_audit_detail_audit_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_detail")),
        sa.UniqueConstraint("audit_entry_id", name=op.f("uq_audit_detail_audit_entry_id")),
    )
    op.create_table(
        "consent_event",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "staff", name="channel", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "reminder",
                "receipt",
                "answer",
                "arrangement",
                "code",
                "fresh_link",
                "opt_out_confirmed",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "event",
            sa.Enum(
                "opted_out", "opted_in", name="event", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("text_shown", sa.Text(), nullable=False),
        sa.Column("text_version", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ip_prefix", sa.Text(), nullable=True),
        sa.Column("occurred_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_consent_event_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_event")),
    )
    op.create_index("ix_consent_event_address", "consent_event", ["address_digest", "channel"], unique=False)
    op.create_table(
        "contact_role",
        sa.Column("contact_id", base.BigId, nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "pays",
                "approves",
                "legal",
                "owner",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_contact_role_contact_id")),
        sa.PrimaryKeyConstraint("contact_id", "role", name=op.f("pk_contact_role")),
    )
    op.create_table(
        "interaction",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column("staff_id", base.BigId, nullable=True),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("occurred_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_interaction_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_interaction_contact_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_interaction_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interaction")),
    )
    op.create_index("ix_interaction_account", "interaction", ["account_id", "occurred_at"], unique=False)
    op.create_table(
        "invoice",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "invoice",
                "prepayment",
                "credit_note",
                "fee",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "open",
                "paid",
                "written_off",
                "void",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("lines_net_minor", sa.BigInteger(), nullable=False),
        sa.Column("allowances_minor", sa.BigInteger(), nullable=False),
        sa.Column("charges_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("prepaid_minor", sa.BigInteger(), nullable=False),
        sa.Column("rounding_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("early_discount_minor", sa.BigInteger(), nullable=True),
        sa.Column("early_discount_to_on", sa.Date(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("purchase_order", sa.Text(), nullable=True),
        sa.Column("refers_to_id", base.BigId, nullable=True),
        sa.Column("file_id", base.BigId, nullable=True),
        sa.Column("ladder", sa.String(length=40), nullable=True),
        sa.Column("import_batch_id", base.BigId, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("balance_minor BETWEEN 0 AND total_minor", name=op.f("ck_invoice_balance")),
        sa.CheckConstraint(
            "total_minor = lines_net_minor - allowances_minor + charges_minor + tax_minor"
            " - prepaid_minor + rounding_minor",
            name=op.f("ck_invoice_sum"),
        ),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_invoice_total")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_invoice_account_id")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_invoice_file_id")),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_invoice_import_batch_id")
        ),
        sa.ForeignKeyConstraint(["refers_to_id"], ["invoice.id"], name=op.f("fk_invoice_refers_to_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("account_id", "kind", "number", name=op.f("uq_invoice_account_id_kind_number")),
        sa.UniqueConstraint("ref", name=op.f("uq_invoice_ref")),
    )
    op.create_index("ix_invoice_account_status", "invoice", ["account_id", "status"], unique=False)
    op.create_index("ix_invoice_due", "invoice", ["status", "due_on"], unique=False)
    op.create_index("ix_invoice_number", "invoice", ["number"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "staff", name="channel", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column(
            "purpose",
            sa.Enum(
                "reminder",
                "receipt",
                "answer",
                "arrangement",
                "code",
                "fresh_link",
                "opt_out_confirmed",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("dedupe_key", sa.String(length=160), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "delivered",
                "bounced",
                "failed",
                "suppressed",
                "stopped",
                "unknown",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("wire_id", sa.Text(), nullable=False),
        sa.Column("not_before", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("locked_until", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("body_digest", sa.String(length=64), nullable=True),
        sa.Column("template_version", sa.String(length=16), nullable=True),
        sa.Column("queued_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("sent_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_message_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_message_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_message_dedupe_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_message_ref")),
        sa.UniqueConstraint("wire_id", name=op.f("uq_message_wire_id")),
    )
    op.create_index("ix_message_account", "message", ["account_id", "queued_at"], unique=False)
    op.create_index("ix_message_contact", "message", ["contact_id"], unique=False)
    op.create_index("ix_message_due", "message", ["status", "not_before"], unique=False)
    op.create_table(
        "opt_out_link",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("contact_id", base.BigId, nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "staff", name="channel", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("address_digest", sa.String(length=64), nullable=False),
        sa.Column("issued_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_opt_out_link_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_opt_out_link")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_opt_out_link_token_digest")),
    )
    op.create_table(
        "payment_attempt",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
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
        sa.Column("form_nonce", sa.String(length=64), nullable=False),
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("idempotency_key", sa.String(length=120), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("request_body", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("intent_id", sa.Text(), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("expires_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("failure_code", sa.Text(), nullable=True),
        sa.Column("unknown_since", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("started_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("finished_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_attempt_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_payment_attempt_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_payment_attempt_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_attempt")),
        sa.UniqueConstraint("form_nonce", name=op.f("uq_payment_attempt_form_nonce")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_payment_attempt_idempotency_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_payment_attempt_ref")),
        sa.UniqueConstraint("remote_id", name=op.f("uq_payment_attempt_remote_id")),
    )
    op.create_index("ix_payment_attempt_account", "payment_attempt", ["account_id"], unique=False)
    op.create_index("ix_payment_attempt_intent", "payment_attempt", ["intent_id"], unique=False)
    op.create_index("ix_payment_attempt_status", "payment_attempt", ["status", "started_at"], unique=False)
    op.create_table(
        "attempt_invoice",
        sa.Column("attempt_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("reserved_minor", sa.BigInteger(), nullable=False),
        sa.Column("blocking", sa.Boolean(), nullable=False),
        sa.CheckConstraint("reserved_minor > 0", name=op.f("ck_attempt_invoice_reserved")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.id"], name=op.f("fk_attempt_invoice_attempt_id")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_attempt_invoice_invoice_id")),
        sa.PrimaryKeyConstraint("attempt_id", "invoice_id", name=op.f("pk_attempt_invoice")),
    )
    op.create_index("ix_attempt_invoice_invoice", "attempt_invoice", ["invoice_id"], unique=False)
    op.create_index(
        "uq_attempt_invoice_blocking",
        "attempt_invoice",
        ["invoice_id"],
        unique=True,
        sqlite_where=sa.text("blocking"),
        postgresql_where=sa.text("blocking"),
    )
    op.create_table(
        "contact_ledger",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "staff", name="channel", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("cycle", sa.String(length=40), nullable=False),
        sa.Column("message_id", base.BigId, nullable=False),
        sa.Column("claimed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_contact_ledger_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_contact_ledger_contact_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_contact_ledger_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_ledger")),
        sa.UniqueConstraint(
            "contact_id",
            "channel",
            "currency",
            "business_on",
            name=op.f("uq_contact_ledger_contact_id_channel_currency_business_on"),
        ),
        sa.UniqueConstraint(
            "contact_id",
            "step",
            "cycle",
            "channel",
            "currency",
            name=op.f("uq_contact_ledger_contact_id_step_cycle_channel_currency"),
        ),
        sa.UniqueConstraint(
            "message_id", "business_on", name=op.f("uq_contact_ledger_message_id_business_on")
        ),
    )
    op.create_index(
        "ix_contact_ledger_account", "contact_ledger", ["account_id", "business_on"], unique=False
    )
    op.create_table(
        "invoice_adjustment",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum("allowance", "charge", name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate", sa.Text(), nullable=True),
        sa.Column("tax_category", sa.String(length=4), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_invoice_adjustment_amount")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_adjustment_invoice_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_adjustment")),
    )
    op.create_index("ix_invoice_adjustment_invoice", "invoice_adjustment", ["invoice_id"], unique=False)
    op.create_table(
        "invoice_line",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("unit_price", sa.Text(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate", sa.Text(), nullable=True),
        sa.Column("tax_category", sa.String(length=4), nullable=True),
        sa.Column("basis_minor", sa.BigInteger(), nullable=True),
        sa.Column("basis_rate", sa.Text(), nullable=True),
        sa.Column("basis_days", sa.Integer(), nullable=True),
        sa.Column("basis_from_on", sa.Date(), nullable=True),
        sa.Column("basis_to_on", sa.Date(), nullable=True),
        sa.Column("legal_basis", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(basis_minor IS NULL) = (basis_rate IS NULL)", name=op.f("ck_invoice_line_basis")
        ),
        sa.CheckConstraint(
            "(basis_from_on IS NULL) = (basis_to_on IS NULL) AND basis_to_on >= basis_from_on",
            name=op.f("ck_invoice_line_basis_period"),
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_line_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_line")),
        sa.UniqueConstraint("invoice_id", "position", name=op.f("uq_invoice_line_invoice_id_position")),
    )
    op.create_table(
        "link",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "staff", name="channel", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column(
            "scope",
            sa.Enum(
                "full",
                "view_and_pay",
                "one_invoice",
                name="scope",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("held_by_staff_id", base.BigId, nullable=True),
        sa.Column("message_id", base.BigId, nullable=True),
        sa.Column("parent_id", base.BigId, nullable=True),
        sa.Column("issued_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("redeemed_count", sa.Integer(), nullable=False),
        sa.Column("redeemed_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_link_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_link_contact_id")),
        sa.ForeignKeyConstraint(["held_by_staff_id"], ["staff.id"], name=op.f("fk_link_held_by_staff_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_link_message_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["link.id"], name=op.f("fk_link_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link")),
        sa.UniqueConstraint("ref", name=op.f("uq_link_ref")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_link_token_digest")),
    )
    op.create_index("ix_link_account", "link", ["account_id"], unique=False)
    op.create_index("ix_link_parent", "link", ["parent_id"], unique=False)
    op.create_table(
        "payment",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("attempt_id", base.BigId, nullable=True),
        sa.Column(
            "method",
            sa.Enum(
                "card",
                "bank_debit",
                "bank_transfer",
                "other",
                name="method",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("method_detail", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("provider_charge_id", sa.Text(), nullable=True),
        sa.Column("received_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("valued_on", sa.Date(), nullable=False),
        sa.Column("entry_id", base.BigId, nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_amount")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_payment_account_id")),
        sa.ForeignKeyConstraint(["attempt_id"], ["payment_attempt.id"], name=op.f("fk_payment_attempt_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_payment_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_payment_attempt_id")),
        sa.UniqueConstraint("entry_id", name=op.f("uq_payment_entry_id")),
        sa.UniqueConstraint("number", name=op.f("uq_payment_number")),
        sa.UniqueConstraint("provider_charge_id", name=op.f("uq_payment_provider_charge_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_payment_ref")),
    )
    op.create_index("ix_payment_account", "payment", ["account_id", "received_at"], unique=False)
    op.create_table(
        "posting",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("entry_id", base.BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "ledger_code",
            sa.Enum(
                "receivables",
                "unapplied_credit",
                "gateway_clearing",
                "gateway_fees",
                "bank",
                "bank_in_transit",
                "chargebacks_held",
                "refunds_payable",
                "opening_counterpart",
                "settlement_discounts",
                "settlement_discount_tax",
                "bad_debt",
                "credit_notes",
                "small_differences",
                "withholding_tax",
                "exchange",
                "late_fee_income",
                "interest_income",
                "agency_commission",
                "recoveries",
                name="ledger_code",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("account_id", base.BigId, nullable=True),
        sa.Column("invoice_id", base.BigId, nullable=True),
        sa.Column("debit_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.CheckConstraint(
            "ledger_code <> 'receivables' OR invoice_id IS NOT NULL", name=op.f("ck_posting_receivable")
        ),
        sa.CheckConstraint(
            "ledger_code NOT IN ('receivables', 'unapplied_credit') OR account_id IS NOT NULL",
            name=op.f("ck_posting_control"),
        ),
        sa.CheckConstraint("(debit_minor = 0) <> (credit_minor = 0)", name=op.f("ck_posting_one_side")),
        sa.CheckConstraint("debit_minor >= 0 AND credit_minor >= 0", name=op.f("ck_posting_positive")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_posting_account_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_posting_entry_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_posting_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
        sa.UniqueConstraint("entry_id", "position", name=op.f("uq_posting_entry_id_position")),
    )
    op.create_index("ix_posting_account_code", "posting", ["account_id", "ledger_code"], unique=False)
    op.create_index("ix_posting_invoice", "posting", ["invoice_id"], unique=False)
    op.create_table(
        "provider_effect",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("provider_object_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("attempt_id", base.BigId, nullable=True),
        sa.Column("entry_id", base.BigId, nullable=False),
        sa.Column("recorded_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.id"], name=op.f("fk_provider_effect_attempt_id")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_provider_effect_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_effect")),
        sa.UniqueConstraint(
            "provider_object_id", "kind", name=op.f("uq_provider_effect_provider_object_id_kind")
        ),
    )
    op.create_index("ix_provider_effect_attempt", "provider_effect", ["attempt_id"], unique=False)
    op.create_table(
        "allocation",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("payment_id", base.BigId, nullable=True),
        sa.Column("credit_note_id", base.BigId, nullable=True),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("invoice_line_id", base.BigId, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "rule",
            sa.Enum(
                "directed",
                "oldest_first",
                "credit_note",
                name="rule",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("valued_on", sa.Date(), nullable=False),
        sa.Column("entry_id", base.BigId, nullable=False),
        sa.CheckConstraint(
            "(payment_id IS NULL) <> (credit_note_id IS NULL)", name=op.f("ck_allocation_source")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_allocation_amount")),
        sa.ForeignKeyConstraint(
            ["credit_note_id"], ["invoice.id"], name=op.f("fk_allocation_credit_note_id")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entry.id"], name=op.f("fk_allocation_entry_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_allocation_invoice_id")),
        sa.ForeignKeyConstraint(
            ["invoice_line_id"], ["invoice_line.id"], name=op.f("fk_allocation_invoice_line_id")
        ),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_allocation_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocation")),
    )
    op.create_index("ix_allocation_entry", "allocation", ["entry_id"], unique=False)
    op.create_index("ix_allocation_invoice", "allocation", ["invoice_id"], unique=False)
    op.create_index("ix_allocation_payment", "allocation", ["payment_id"], unique=False)
    op.create_table(
        "link_session",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("session_digest", sa.String(length=64), nullable=False),
        sa.Column("link_id", base.BigId, nullable=False),
        sa.Column("started_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ends_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("proved_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("device", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(["link_id"], ["link.id"], name=op.f("fk_link_session_link_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_session")),
        sa.UniqueConstraint("session_digest", name=op.f("uq_link_session_session_digest")),
    )
    op.create_index("ix_link_session_link", "link_session", ["link_id"], unique=False)
    op.bulk_insert(
        sa.table("ledger_account", sa.column("code", sa.String), sa.column("nature", sa.String)),
        [{"code": code.value, "nature": nature.value} for code, nature in NATURES.items()],
    )
    triggers.install(op.get_bind())


def downgrade() -> None:
    triggers.drop(op.get_bind())
    op.drop_index("ix_link_session_link", table_name="link_session")
    op.drop_table("link_session")
    op.drop_index("ix_allocation_payment", table_name="allocation")
    op.drop_index("ix_allocation_invoice", table_name="allocation")
    op.drop_index("ix_allocation_entry", table_name="allocation")
    op.drop_table("allocation")
    op.drop_index("ix_provider_effect_attempt", table_name="provider_effect")
    op.drop_table("provider_effect")
    op.drop_index("ix_posting_invoice", table_name="posting")
    op.drop_index("ix_posting_account_code", table_name="posting")
    op.drop_table("posting")
    op.drop_index("ix_payment_account", table_name="payment")
    op.drop_table("payment")
    op.drop_index("ix_link_parent", table_name="link")
    op.drop_index("ix_link_account", table_name="link")
    op.drop_table("link")
    op.drop_table("invoice_line")
    op.drop_index("ix_invoice_adjustment_invoice", table_name="invoice_adjustment")
    op.drop_table("invoice_adjustment")
    op.drop_index("ix_contact_ledger_account", table_name="contact_ledger")
    op.drop_table("contact_ledger")
    op.drop_index(
        "uq_attempt_invoice_blocking",
        table_name="attempt_invoice",
        sqlite_where=sa.text("blocking"),
        postgresql_where=sa.text("blocking"),
    )
    op.drop_index("ix_attempt_invoice_invoice", table_name="attempt_invoice")
    op.drop_table("attempt_invoice")
    op.drop_index("ix_payment_attempt_status", table_name="payment_attempt")
    op.drop_index("ix_payment_attempt_intent", table_name="payment_attempt")
    op.drop_index("ix_payment_attempt_account", table_name="payment_attempt")
    op.drop_table("payment_attempt")
    op.drop_table("opt_out_link")
    op.drop_index("ix_message_due", table_name="message")
    op.drop_index("ix_message_contact", table_name="message")
    op.drop_index("ix_message_account", table_name="message")
    op.drop_table("message")
    op.drop_index("ix_invoice_number", table_name="invoice")
    op.drop_index("ix_invoice_due", table_name="invoice")
    op.drop_index("ix_invoice_account_status", table_name="invoice")
    op.drop_table("invoice")
    op.drop_index("ix_interaction_account", table_name="interaction")
    op.drop_table("interaction")
    op.drop_table("contact_role")
    op.drop_index("ix_consent_event_address", table_name="consent_event")
    op.drop_table("consent_event")
    op.drop_table("audit_detail")
    op.drop_index("ix_task_open", table_name="task")
    op.drop_index("ix_task_account", table_name="task")
    op.drop_table("task")
    op.drop_index("ix_ledger_entry_posted_on", table_name="ledger_entry")
    op.drop_table("ledger_entry")
    op.drop_index("ix_file_retention", table_name="file")
    op.drop_index("ix_file_content", table_name="file")
    op.drop_index("ix_file_account", table_name="file")
    op.drop_table("file")
    op.drop_index("ix_contact_phone", table_name="contact")
    op.drop_index("ix_contact_email", table_name="contact")
    op.drop_index("ix_contact_account", table_name="contact")
    op.drop_table("contact")
    op.drop_index("ix_audit_entry_subject", table_name="audit_entry")
    op.drop_index("ix_audit_entry_account", table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_index(
        "uq_alert_open",
        table_name="alert",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("alert")
    op.drop_index("ix_account_flag_account", table_name="account_flag")
    op.drop_table("account_flag")
    op.drop_index("ix_access_log_account", table_name="access_log")
    op.drop_table("access_log")
    op.drop_index("ix_staff_session_staff", table_name="staff_session")
    op.drop_table("staff_session")
    op.drop_table("policy_version")
    op.drop_table("import_batch")
    op.drop_table("creditor_bank_account")
    op.drop_index("ix_account_name", table_name="account")
    op.drop_index("ix_account_collector", table_name="account")
    op.drop_table("account")
    op.drop_table("staff")
    op.drop_table("ledger_account")
    op.drop_index("ix_job_due", table_name="job")
    op.drop_table("job")
    op.drop_index("ix_inbox_event_received", table_name="inbox_event")
    op.drop_index("ix_inbox_event_due", table_name="inbox_event")
    op.drop_table("inbox_event")
    op.drop_table("heartbeat")
    op.drop_table("guess_counter")
    op.drop_table("creditor")
