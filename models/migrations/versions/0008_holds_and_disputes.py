"""Credit holds with what releases them, and the desk of disputes: notes of ours, statements of sales."""

import sqlalchemy as sa
from alembic import op

from models import base, checks

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REASONS = (
    "missing_paperwork", "wrong_price", "wrong_quantity", "damaged", "not_delivered", "service", "wrong_tax",
    "already_paid", "not_ours", "duplicate", "other",
)  # fmt: skip


def _members(column: str, *values: str) -> str:
    return f"CHECK ({column} IN ({', '.join(repr(value) for value in values)}))"


def _columns() -> dict[str, list[tuple[str, str]]]:
    """Table -> its new columns, as both databases take them; a rebuilt table would lose its checks."""
    postgres = op.get_bind().dialect.name == "postgresql"
    moment = "TIMESTAMP WITH TIME ZONE" if postgres else "DATETIME"
    causes = _members("cause", "broken_promise", "over_limit", "overdue", "other")
    ends = _members("ended_as", "paid", "arranged", "early", "undone")
    return {
        "credit_hold": [
            ("cause", f"VARCHAR(24) DEFAULT 'other' NOT NULL CONSTRAINT ck_credit_hold_cause {causes}"),
            (
                "releases_by",
                "VARCHAR(24) DEFAULT 'amount' NOT NULL CONSTRAINT ck_credit_hold_releases_by "
                + _members("releases_by", "amount", "invoices"),
            ),
            ("plan_releases", "BOOLEAN DEFAULT false NOT NULL"),
            ("prepaid_allowed", "BOOLEAN DEFAULT true NOT NULL"),
            ("evidence", "JSON DEFAULT '[]' NOT NULL"),
            ("note", "TEXT"),
            ("review_on", "DATE"),
            ("undo_until", moment),
            (
                "ended_as",
                f"VARCHAR(24) CONSTRAINT ck_credit_hold_ended_as {ends}"
                " CONSTRAINT ck_credit_hold_ended CHECK (ended_as IS NULL OR status = 'released')",
            ),
        ],
        "dispute": [
            (
                "found_reason",
                "VARCHAR(24) CONSTRAINT ck_dispute_found_reason " + _members("found_reason", *_REASONS),
            ),
        ],
        "dispute_note": [
            (
                "internal",
                "BOOLEAN DEFAULT false NOT NULL CONSTRAINT ck_dispute_note_internal"
                " CHECK (NOT internal OR staff_id IS NOT NULL)",
            ),
        ],
    }


def upgrade() -> None:
    connection = op.get_bind()
    for table, columns in _columns().items():
        for name, kind in columns:
            op.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {name} {kind}"))
    checks.add_reference(connection, "credit_hold", "released_by_id", "staff")
    op.create_index("ix_credit_hold_review", "credit_hold", ["status", "review_on"], unique=False)
    op.create_table(
        "credit_hold_invoice",
        sa.Column("hold_id", base.BigId, nullable=False),
        sa.Column("invoice_id", base.BigId, nullable=False),
        sa.Column("asked_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("asked_minor > 0", name=op.f("ck_credit_hold_invoice_asked")),
        sa.ForeignKeyConstraint(["hold_id"], ["credit_hold.id"], name=op.f("fk_credit_hold_invoice_hold_id")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_credit_hold_invoice_invoice_id")
        ),
        sa.PrimaryKeyConstraint("hold_id", "invoice_id", name=op.f("pk_credit_hold_invoice")),
    )
    op.create_index("ix_credit_hold_invoice_invoice", "credit_hold_invoice", ["invoice_id"], unique=False)
    op.create_table(
        "dispute_statement",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("dispute_id", base.BigId, nullable=False),
        sa.Column("asked_of_id", base.BigId, nullable=False),
        sa.Column("asked_by_id", base.BigId, nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("asked_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reminded_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("was_promised", sa.Boolean(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.Column("answered_by_id", base.BigId, nullable=True),
        sa.Column("closed_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "answer IS NULL OR closed_at IS NOT NULL", name=op.f("ck_dispute_statement_answered")
        ),
        sa.CheckConstraint(
            "(answer IS NULL) = (was_promised IS NULL)", name=op.f("ck_dispute_statement_said")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["staff.id"], name=op.f("fk_dispute_statement_answered_by_id")
        ),
        sa.ForeignKeyConstraint(["asked_by_id"], ["staff.id"], name=op.f("fk_dispute_statement_asked_by_id")),
        sa.ForeignKeyConstraint(["asked_of_id"], ["staff.id"], name=op.f("fk_dispute_statement_asked_of_id")),
        sa.ForeignKeyConstraint(["dispute_id"], ["dispute.id"], name=op.f("fk_dispute_statement_dispute_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_statement")),
        sa.UniqueConstraint("ref", name=op.f("uq_dispute_statement_ref")),
    )
    op.create_index(
        "ix_dispute_statement_asked_of", "dispute_statement", ["asked_of_id", "closed_at"], unique=False
    )
    op.create_index("ix_dispute_statement_due", "dispute_statement", ["closed_at", "due_on"], unique=False)
    op.create_index(
        "uq_dispute_statement_open",
        "dispute_statement",
        ["dispute_id"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    checks.allow(connection, "task", "kind", "hold_review", "statement")
    checks.allow(connection, "approval_request", "kind", "dispute_credit")


def downgrade() -> None:
    connection = op.get_bind()
    for kind in ("hold_review", "statement"):
        connection.execute(sa.text("DELETE FROM task WHERE kind = :kind"), {"kind": kind})
    checks.forbid(connection, "task", "kind", "hold_review", "statement")
    connection.execute(sa.text("DELETE FROM approval_request WHERE kind = 'dispute_credit'"))
    checks.forbid(connection, "approval_request", "kind", "dispute_credit")
    op.drop_index(
        "uq_dispute_statement_open",
        table_name="dispute_statement",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.drop_table("dispute_statement")
    op.drop_table("credit_hold_invoice")
    op.drop_index("ix_credit_hold_review", table_name="credit_hold")
    checks.drop_reference(connection, "credit_hold", "released_by_id", "staff")
    for table, columns in reversed(_columns().items()):
        for name, _kind in reversed(columns):
            op.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {name}"))
