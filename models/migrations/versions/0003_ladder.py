"""The ladder, the right to contact, letters on paper, charges, hand-over, what reaches us, calendars."""

import sqlalchemy as sa
from alembic import op

from models import base, triggers

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bank_lines",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("creditor_id", base.BigId, nullable=False),
        sa.Column("up_to_on", sa.Date(), nullable=False),
        sa.Column("staff_id", base.BigId, nullable=True),
        sa.Column("recorded_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["creditor_id"], ["creditor.id"], name=op.f("fk_bank_lines_creditor_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_bank_lines_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_lines")),
    )
    op.create_index("ix_bank_lines_creditor", "bank_lines", ["creditor_id"], unique=False)
    op.create_table(
        "handler",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("agency", "lawyer", name="kind", native_enum=False, create_constraint=True, length=24),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("countries", sa.Text(), nullable=False),
        sa.Column("commission_percent", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handler")),
        sa.UniqueConstraint("ref", name=op.f("uq_handler_ref")),
    )
    op.create_table(
        "calendar_day",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("is_business_day", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("changed_by_id", base.BigId, nullable=True),
        sa.Column("changed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["changed_by_id"], ["staff.id"], name=op.f("fk_calendar_day_changed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_day")),
        sa.UniqueConstraint("country", "day_on", name=op.f("uq_calendar_day_country_day_on")),
    )
    op.create_table(
        "calendar_feed",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_calendar_feed_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("staff_id", name=op.f("uq_calendar_feed_staff_id")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_calendar_feed_token_digest")),
    )
    op.create_table(
        "interest_rate",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=60), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "reference", "contract", name="kind", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("percent", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("entered_by_id", base.BigId, nullable=True),
        sa.Column("entered_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(source) > 0", name=op.f("ck_interest_rate_source")),
        sa.ForeignKeyConstraint(["entered_by_id"], ["staff.id"], name=op.f("fk_interest_rate_entered_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interest_rate")),
        sa.UniqueConstraint("rule", "from_on", name=op.f("uq_interest_rate_rule_from_on")),
    )
    op.create_table(
        "ladder_switch",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "propose", "pilot", "live", name="mode", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("daily_ceiling", sa.Integer(), nullable=True),
        sa.Column("sending_stopped", sa.Boolean(), nullable=False),
        sa.Column("staff_id", base.BigId, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_ladder_switch_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ladder_switch")),
    )
    op.create_table(
        "ladder_version",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("effective_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("author_id", base.BigId, nullable=True),
        sa.Column("approver_id", base.BigId, nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "approver_id IS NULL OR approver_id <> author_id", name=op.f("ck_ladder_version_four_eyes")
        ),
        sa.ForeignKeyConstraint(["approver_id"], ["staff.id"], name=op.f("fk_ladder_version_approver_id")),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_ladder_version_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ladder_version")),
    )
    op.create_index("ix_ladder_version_name", "ladder_version", ["name", "effective_at"], unique=False)
    op.create_table(
        "early_warning",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("raised_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_early_warning_account_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_early_warning_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_early_warning")),
    )
    op.create_index("ix_early_warning_account", "early_warning", ["account_id"], unique=False)
    op.create_table(
        "ladder_step",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("ladder", sa.String(length=40), nullable=False),
        sa.Column("ladder_version_id", base.BigId, nullable=True),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.Column("rung", sa.String(length=40), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("gate", sa.String(length=12), nullable=False),
        sa.Column("business_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "proposed",
                "approved",
                "done",
                "suppressed",
                "refused",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("held_back", sa.String(length=20), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("decided_by_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("done_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_ladder_step_account_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_ladder_step_decided_by_id")),
        sa.ForeignKeyConstraint(
            ["ladder_version_id"], ["ladder_version.id"], name=op.f("fk_ladder_step_ladder_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_ladder_step_policy_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ladder_step")),
        sa.UniqueConstraint(
            "account_id",
            "currency",
            "ladder",
            "business_on",
            name=op.f("uq_ladder_step_account_id_currency_ladder_business_on"),
        ),
        sa.UniqueConstraint("ref", name=op.f("uq_ladder_step_ref")),
    )
    op.create_index("ix_ladder_step_account", "ladder_step", ["account_id", "business_on"], unique=False)
    op.create_index(
        "ix_ladder_step_held",
        "ladder_step",
        ["account_id"],
        unique=False,
        sqlite_where=sa.text("status = 'proposed' AND held_back IS NOT NULL"),
        postgresql_where=sa.text("status = 'proposed' AND held_back IS NOT NULL"),
    )
    op.create_index(
        "ix_ladder_step_waiting",
        "ladder_step",
        ["business_on", "rung"],
        unique=False,
        sqlite_where=sa.text("status = 'proposed'"),
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "segment_proposal",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "proposed",
                "confirmed",
                "refused",
                "superseded",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "from_segment",
            sa.Enum(
                "reminder",
                "own_terms",
                "open_problem",
                "hardship",
                "no_agreement",
                "untraceable",
                name="from_segment",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "to_segment",
            sa.Enum(
                "reminder",
                "own_terms",
                "open_problem",
                "hardship",
                "no_agreement",
                "untraceable",
                name="to_segment",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.Column("proposed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_segment_proposal_account_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["staff.id"], name=op.f("fk_segment_proposal_decided_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_segment_proposal_policy_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment_proposal")),
        sa.UniqueConstraint("ref", name=op.f("uq_segment_proposal_ref")),
    )
    op.create_index(
        "ix_segment_proposal_account", "segment_proposal", ["account_id", "proposed_at"], unique=False
    )
    op.create_index(
        "uq_segment_proposal_open",
        "segment_proposal",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("status = 'proposed'"),
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "call_attempt",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=True),
        sa.Column("talked", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("task_id", base.BigId, nullable=True),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_call_attempt_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_call_attempt_contact_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_call_attempt_staff_id")),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"], name=op.f("fk_call_attempt_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_attempt")),
    )
    op.create_index("ix_call_attempt_account", "call_attempt", ["account_id", "made_at"], unique=False)
    op.create_index("ix_call_attempt_contact", "call_attempt", ["contact_id", "made_at"], unique=False)
    op.create_table(
        "handover",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("handler_id", base.BigId, nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "proposed",
                "prepared",
                "placed",
                "recalled",
                "closed",
                "refused",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("step_id", base.BigId, nullable=True),
        sa.Column("proposed_by_id", base.BigId, nullable=True),
        sa.Column("proposed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("approved_by_id", base.BigId, nullable=True),
        sa.Column("prepared_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("notice_on", sa.Date(), nullable=True),
        sa.Column("case_file_id", base.BigId, nullable=True),
        sa.Column("case_digest", sa.String(length=64), nullable=True),
        sa.Column("placed_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.Column("commission_percent", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_handover_amount")),
        sa.CheckConstraint(
            "approved_by_id IS NULL OR approved_by_id <> proposed_by_id", name=op.f("ck_handover_four_eyes")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_handover_account_id")),
        sa.ForeignKeyConstraint(["approved_by_id"], ["staff.id"], name=op.f("fk_handover_approved_by_id")),
        sa.ForeignKeyConstraint(["case_file_id"], ["file.id"], name=op.f("fk_handover_case_file_id")),
        sa.ForeignKeyConstraint(["handler_id"], ["handler.id"], name=op.f("fk_handover_handler_id")),
        sa.ForeignKeyConstraint(["proposed_by_id"], ["staff.id"], name=op.f("fk_handover_proposed_by_id")),
        sa.ForeignKeyConstraint(["step_id"], ["ladder_step.id"], name=op.f("fk_handover_step_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("ref", name=op.f("uq_handover_ref")),
    )
    op.create_index("ix_handover_account", "handover", ["account_id"], unique=False)
    op.create_index(
        "uq_handover_open",
        "handover",
        ["account_id", "currency"],
        unique=True,
        sqlite_where=sa.text("status IN ('proposed', 'prepared', 'placed')"),
        postgresql_where=sa.text("status IN ('proposed', 'prepared', 'placed')"),
    )
    op.create_table(
        "post_batch",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("file_id", base.BigId, nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("printed_by_id", base.BigId, nullable=True),
        sa.Column("printed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_post_batch_file_id")),
        sa.ForeignKeyConstraint(["printed_by_id"], ["staff.id"], name=op.f("fk_post_batch_printed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_batch")),
        sa.UniqueConstraint("ref", name=op.f("uq_post_batch_ref")),
    )
    op.create_table(
        "charge",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "interest", "fixed_sum", name="kind", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "proposed",
                "issued",
                "waived",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("days_in_year", sa.Integer(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("percent", sa.Text(), nullable=False),
        sa.Column("rate_id", base.BigId, nullable=True),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.Column("fee_invoice_id", base.BigId, nullable=True),
        sa.Column("step_id", base.BigId, nullable=True),
        sa.Column("proposed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_charge_amount")),
        sa.CheckConstraint("to_on >= from_on", name=op.f("ck_charge_days")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_charge_account_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_charge_decided_by_id")),
        sa.ForeignKeyConstraint(["fee_invoice_id"], ["invoice.id"], name=op.f("fk_charge_fee_invoice_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_charge_invoice_id")),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_charge_policy_version_id")
        ),
        sa.ForeignKeyConstraint(["rate_id"], ["interest_rate.id"], name=op.f("fk_charge_rate_id")),
        sa.ForeignKeyConstraint(["step_id"], ["ladder_step.id"], name=op.f("fk_charge_step_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge")),
        sa.UniqueConstraint("invoice_id", "kind", "from_on", name=op.f("uq_charge_invoice_id_kind_from_on")),
        sa.UniqueConstraint("ref", name=op.f("uq_charge_ref")),
    )
    op.create_index("ix_charge_account", "charge", ["account_id", "status"], unique=False)
    op.create_index("ix_charge_fee_invoice", "charge", ["fee_invoice_id"], unique=False)
    op.create_table(
        "contact_decision",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=False),
        sa.Column("message_id", base.BigId, nullable=True),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("purpose", sa.String(length=24), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("inputs", sa.JSON(), nullable=False),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_contact_decision_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_contact_decision_contact_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_contact_decision_message_id")),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_contact_decision_policy_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_decision")),
    )
    op.create_index(
        "ix_contact_decision_contact", "contact_decision", ["contact_id", "decided_at"], unique=False
    )
    op.create_index("ix_contact_decision_message", "contact_decision", ["message_id"], unique=False)
    op.create_table(
        "handover_invoice",
        sa.Column("handover_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["handover_id"], ["handover.id"], name=op.f("fk_handover_invoice_handover_id")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_handover_invoice_invoice_id")),
        sa.PrimaryKeyConstraint("handover_id", "invoice_id", name=op.f("pk_handover_invoice")),
    )
    op.create_index("ix_handover_invoice_invoice", "handover_invoice", ["invoice_id"], unique=False)
    op.create_table(
        "inbound_message",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "sms", "staff", name="channel", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "reply",
                "bounce",
                "status",
                "automatic",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("from_digest", sa.String(length=64), nullable=False),
        sa.Column("account_id", base.BigId, nullable=True),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column("answers_id", base.BigId, nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("received_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_inbound_message_account_id")),
        sa.ForeignKeyConstraint(["answers_id"], ["message.id"], name=op.f("fk_inbound_message_answers_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_inbound_message_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_message")),
        sa.UniqueConstraint("external_id", name=op.f("uq_inbound_message_external_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_inbound_message_ref")),
    )
    op.create_index(
        "ix_inbound_message_account", "inbound_message", ["account_id", "received_at"], unique=False
    )
    op.create_table(
        "ladder_meeting",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("rung", sa.String(length=40), nullable=False),
        sa.Column("met_on", sa.Date(), nullable=False),
        sa.Column(
            "how",
            sa.Enum(
                "acted", "joined", "passed", name="how", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("step_id", base.BigId, nullable=True),
        sa.Column("why", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_ladder_meeting_invoice_id")),
        sa.ForeignKeyConstraint(["step_id"], ["ladder_step.id"], name=op.f("fk_ladder_meeting_step_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ladder_meeting")),
        sa.UniqueConstraint(
            "invoice_id", "cycle", "rung", name=op.f("uq_ladder_meeting_invoice_id_cycle_rung")
        ),
    )
    op.create_index("ix_ladder_meeting_step", "ladder_meeting", ["step_id"], unique=False)
    op.create_table(
        "ladder_position",
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("ladder", sa.String(length=40), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("met_on", sa.Date(), nullable=True),
        sa.Column("next_rung", sa.String(length=40), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("waits_for", sa.String(length=60), nullable=True),
        sa.Column("looked_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_ladder_position_account_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_ladder_position_invoice_id")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("pk_ladder_position")),
    )
    op.create_index("ix_ladder_position_account", "ladder_position", ["account_id"], unique=False)
    op.create_index("ix_ladder_position_next", "ladder_position", ["next_on", "account_id"], unique=False)
    op.create_table(
        "post_letter",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("contact_id", base.BigId, nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "printed",
                "posted",
                "returned",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("reading_language", sa.String(length=2), nullable=True),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("file_id", base.BigId, nullable=True),
        sa.Column("batch_id", base.BigId, nullable=True),
        sa.Column("step_id", base.BigId, nullable=True),
        sa.Column("dedupe_key", sa.String(length=160), nullable=False),
        sa.Column("queued_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("deadline_on", sa.Date(), nullable=True),
        sa.Column("posted_on", sa.Date(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_post_letter_account_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["post_batch.id"], name=op.f("fk_post_letter_batch_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_post_letter_contact_id")),
        sa.ForeignKeyConstraint(["file_id"], ["file.id"], name=op.f("fk_post_letter_file_id")),
        sa.ForeignKeyConstraint(["step_id"], ["ladder_step.id"], name=op.f("fk_post_letter_step_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_letter")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_post_letter_dedupe_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_post_letter_ref")),
    )
    op.create_index("ix_post_letter_account", "post_letter", ["account_id", "queued_at"], unique=False)
    op.create_index(
        "ix_post_letter_waiting",
        "post_letter",
        ["queued_at"],
        unique=False,
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_table(
        "reach_event",
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
            "event",
            sa.Enum(
                "dead", "soft", "reached", name="event", native_enum=False, create_constraint=True, length=24
            ),
            nullable=False,
        ),
        sa.Column("why", sa.String(length=60), nullable=False),
        sa.Column("message_id", base.BigId, nullable=True),
        sa.Column("occurred_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_reach_event_contact_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_reach_event_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reach_event")),
    )
    op.create_index("ix_reach_event_address", "reach_event", ["address_digest", "channel"], unique=False)
    op.create_index("ix_reach_event_contact", "reach_event", ["contact_id"], unique=False)
    op.create_table(
        "remittance",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("handover_id", base.BigId, nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("collected_minor", sa.BigInteger(), nullable=False),
        sa.Column("commission_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("valued_on", sa.Date(), nullable=False),
        sa.Column("payment_id", base.BigId, nullable=True),
        sa.Column("recorded_by_id", base.BigId, nullable=True),
        sa.Column("recorded_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "commission_minor >= 0 AND commission_minor <= collected_minor",
            name=op.f("ck_remittance_commission"),
        ),
        sa.ForeignKeyConstraint(["handover_id"], ["handover.id"], name=op.f("fk_remittance_handover_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("fk_remittance_payment_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["staff.id"], name=op.f("fk_remittance_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remittance")),
    )
    op.create_index("uq_remittance_reference", "remittance", ["handover_id", "reference"], unique=True)
    op.create_table(
        "rules_draft",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "ladder",
                "choice",
                "contact",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "proposed",
                "published",
                "refused",
                "withdrawn",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("author_id", base.BigId, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", base.BigId, nullable=True),
        sa.Column("decided_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("ladder_version_id", base.BigId, nullable=True),
        sa.Column("policy_version_id", base.BigId, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "status <> 'published' OR decided_by_id <> author_id", name=op.f("ck_rules_draft_four_eyes")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_rules_draft_author_id")),
        sa.ForeignKeyConstraint(["decided_by_id"], ["staff.id"], name=op.f("fk_rules_draft_decided_by_id")),
        sa.ForeignKeyConstraint(
            ["ladder_version_id"], ["ladder_version.id"], name=op.f("fk_rules_draft_ladder_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["policy_version_id"], ["policy_version.id"], name=op.f("fk_rules_draft_policy_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules_draft")),
        sa.UniqueConstraint("ref", name=op.f("uq_rules_draft_ref")),
    )
    op.create_index("ix_rules_draft_kind", "rules_draft", ["kind", "made_at"], unique=False)
    op.create_index(
        "uq_rules_draft_open",
        "rules_draft",
        ["kind", "name"],
        unique=True,
        sqlite_where=sa.text("status = 'proposed'"),
        postgresql_where=sa.text("status = 'proposed'"),
    )
    triggers.install(op.get_bind())


def downgrade() -> None:
    op.drop_index(
        "uq_rules_draft_open",
        table_name="rules_draft",
        sqlite_where=sa.text("status = 'proposed'"),
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.drop_index("ix_rules_draft_kind", table_name="rules_draft")
    op.drop_table("rules_draft")
    op.drop_index("uq_remittance_reference", table_name="remittance")
    op.drop_table("remittance")
    op.drop_index("ix_reach_event_contact", table_name="reach_event")
    op.drop_index("ix_reach_event_address", table_name="reach_event")
    op.drop_table("reach_event")
    op.drop_index(
        "ix_post_letter_waiting",
        table_name="post_letter",
        sqlite_where=sa.text("status = 'waiting'"),
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.drop_index("ix_post_letter_account", table_name="post_letter")
    op.drop_table("post_letter")
    op.drop_index("ix_ladder_position_next", table_name="ladder_position")
    op.drop_index("ix_ladder_position_account", table_name="ladder_position")
    op.drop_table("ladder_position")
    op.drop_index("ix_ladder_meeting_step", table_name="ladder_meeting")
    op.drop_table("ladder_meeting")
    op.drop_index("ix_inbound_message_account", table_name="inbound_message")
    op.drop_table("inbound_message")
    op.drop_index("ix_handover_invoice_invoice", table_name="handover_invoice")
    op.drop_table("handover_invoice")
    op.drop_index("ix_contact_decision_message", table_name="contact_decision")
    op.drop_index("ix_contact_decision_contact", table_name="contact_decision")
    op.drop_table("contact_decision")
    op.drop_index("ix_charge_fee_invoice", table_name="charge")
    op.drop_index("ix_charge_account", table_name="charge")
    op.drop_table("charge")
    op.drop_table("post_batch")
    op.drop_index(
        "uq_handover_open",
        table_name="handover",
        sqlite_where=sa.text("status IN ('proposed', 'prepared', 'placed')"),
        postgresql_where=sa.text("status IN ('proposed', 'prepared', 'placed')"),
    )
    op.drop_index("ix_handover_account", table_name="handover")
    op.drop_table("handover")
    op.drop_index("ix_call_attempt_contact", table_name="call_attempt")
    op.drop_index("ix_call_attempt_account", table_name="call_attempt")
    op.drop_table("call_attempt")
    op.drop_index(
        "uq_segment_proposal_open",
        table_name="segment_proposal",
        sqlite_where=sa.text("status = 'proposed'"),
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.drop_index("ix_segment_proposal_account", table_name="segment_proposal")
    op.drop_table("segment_proposal")
    op.drop_index(
        "ix_ladder_step_waiting",
        table_name="ladder_step",
        sqlite_where=sa.text("status = 'proposed'"),
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.drop_index(
        "ix_ladder_step_held",
        table_name="ladder_step",
        sqlite_where=sa.text("status = 'proposed' AND held_back IS NOT NULL"),
        postgresql_where=sa.text("status = 'proposed' AND held_back IS NOT NULL"),
    )
    op.drop_index("ix_ladder_step_account", table_name="ladder_step")
    op.drop_table("ladder_step")
    op.drop_index("ix_early_warning_account", table_name="early_warning")
    op.drop_table("early_warning")
    op.drop_index("ix_ladder_version_name", table_name="ladder_version")
    op.drop_table("ladder_version")
    op.drop_table("ladder_switch")
    op.drop_table("interest_rate")
    op.drop_table("calendar_feed")
    op.drop_table("calendar_day")
    op.drop_table("handler")
    op.drop_index("ix_bank_lines_creditor", table_name="bank_lines")
    op.drop_table("bank_lines")
