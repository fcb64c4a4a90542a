"""Figures of past days, targets, and the terms by which the desk finds things."""

import sqlalchemy as sa
from alembic import op

from models import base, search, triggers

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_NOT_OF_INVOICES = sa.text("kind NOT IN ('invoice', 'invoice_end')")
_OPEN = sa.text("status = 'open'")


def upgrade() -> None:
    op.create_table(
        "collection_target",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("creditor_id", base.BigId, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("month_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("set_by_id", base.BigId, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_collection_target_amount")),
        sa.ForeignKeyConstraint(
            ["creditor_id"], ["creditor.id"], name=op.f("fk_collection_target_creditor_id")
        ),
        sa.ForeignKeyConstraint(["set_by_id"], ["staff.id"], name=op.f("fk_collection_target_set_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_target")),
    )
    op.create_index(
        "ix_collection_target_month", "collection_target", ["creditor_id", "currency", "month_on"]
    )
    op.create_table(
        "figure_day",
        sa.Column("creditor_id", base.BigId, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("name", sa.String(length=24), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["creditor_id"], ["creditor.id"], name=op.f("fk_figure_day_creditor_id")),
        sa.PrimaryKeyConstraint(
            "creditor_id", "currency", "name", "day_on", "key", name=op.f("pk_figure_day")
        ),
    )
    op.create_table(
        "figure_run",
        sa.Column("creditor_id", base.BigId, nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("taken_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_on <= last_on", name=op.f("ck_figure_run_days")),
        sa.ForeignKeyConstraint(["creditor_id"], ["creditor.id"], name=op.f("fk_figure_run_creditor_id")),
        sa.PrimaryKeyConstraint("creditor_id", name=op.f("pk_figure_run")),
    )
    op.create_table(
        "search_term",
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("term", sa.Text(collation="C").with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.Column("subject_id", base.BigId, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_search_term_account_id")),
        sa.PrimaryKeyConstraint("kind", "term", "subject_id", name=op.f("pk_search_term")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_search_term_subject",
        "search_term",
        ["subject_id", "kind"],
        sqlite_where=_NOT_OF_INVOICES,
        postgresql_where=_NOT_OF_INVOICES,
    )
    op.create_index(
        "ix_invoice_open_balance", "invoice", ["balance_minor"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ix_invoice_total", "invoice", ["total_minor"])
    op.create_index("ix_payment_amount", "payment", ["amount_minor"])
    op.create_index("ix_payment_valued", "payment", ["valued_on"])
    connection = op.get_bind()
    search.fill(connection)
    triggers.install(connection)


def downgrade() -> None:
    op.drop_index("ix_payment_valued", table_name="payment")
    op.drop_index("ix_payment_amount", table_name="payment")
    op.drop_index("ix_invoice_total", table_name="invoice")
    op.drop_index("ix_invoice_open_balance", table_name="invoice", sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.drop_index(
        "ix_search_term_subject",
        table_name="search_term",
        sqlite_where=_NOT_OF_INVOICES,
        postgresql_where=_NOT_OF_INVOICES,
    )
    op.drop_table("search_term")
    op.drop_table("figure_run")
    op.drop_table("figure_day")
    op.drop_index("ix_collection_target_month", table_name="collection_target")
    op.drop_table("collection_target")
