"""What the gateway says happened, compared with the books."""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_STANDING = sa.text("status <> 'gone'")
#: What is on its way to the bank: read as a whole, every day.
_ON_THE_WAY = sa.text("ledger_code IN ('gateway_clearing', 'bank_in_transit')")


def _of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=24)


def upgrade() -> None:
    op.create_table(
        "gateway_movement",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("movement_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("original_minor", sa.BigInteger(), nullable=True),
        sa.Column("original_currency", sa.String(length=3), nullable=True),
        sa.Column("exchange_rate", sa.Text(), nullable=True),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("available_on", sa.Date(), nullable=False),
        sa.Column("payout_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(original_minor IS NULL) = (original_currency IS NULL)",
            name=op.f("ck_gateway_movement_original"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_movement")),
        sa.UniqueConstraint(
            "movement_id", "gateway_account", name=op.f("uq_gateway_movement_movement_id_gateway_account")
        ),
    )
    op.create_index("ix_gateway_movement_made", "gateway_movement", ["gateway_account", "made_at"])
    op.create_index("ix_gateway_movement_source", "gateway_movement", ["source_id", "gateway_account"])
    op.create_index("ix_gateway_movement_payout", "gateway_movement", ["payout_id", "gateway_account"])
    op.create_table(
        "payout",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("payout_id", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column(
            "status", _of("status", "pending", "in_transit", "paid", "failed", "cancelled"), nullable=False
        ),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("arrives_on", sa.Date(), nullable=False),
        sa.Column("listed_minor", sa.BigInteger(), nullable=True),
        sa.Column("banked_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
        sa.UniqueConstraint("gateway_account", "payout_id", name=op.f("uq_payout_gateway_account_payout_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_payout_ref")),
    )
    op.create_index("ix_payout_made", "payout", ["gateway_account", "made_at"])
    op.create_index("ix_payout_status", "payout", ["status", "arrives_on"])
    op.create_table(
        "reconciliation_finding",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("listed", _of("listed", "missing_here", "missing_there", "different"), nullable=False),
        sa.Column("about", sa.String(length=24), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("here_minor", sa.BigInteger(), nullable=True),
        sa.Column("there_minor", sa.BigInteger(), nullable=True),
        sa.Column("arose_on", sa.Date(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("status", _of("status", "open", "explained", "gone"), nullable=False),
        sa.Column("found_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("gone_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("explained_by_id", base.BigId, nullable=True),
        sa.Column("explained_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "here_minor IS NOT NULL OR there_minor IS NOT NULL OR about = 'unread'",
            name=op.f("ck_reconciliation_finding_sides"),
        ),
        sa.CheckConstraint(
            "status <> 'explained' OR reason IS NOT NULL", name=op.f("ck_reconciliation_finding_explained")
        ),
        sa.ForeignKeyConstraint(
            ["explained_by_id"], ["staff.id"], name=op.f("fk_reconciliation_finding_explained_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_finding")),
        sa.UniqueConstraint(
            "gateway_account",
            "object_id",
            "currency",
            name=op.f("uq_reconciliation_finding_gateway_account_object_id_currency"),
        ),
        sa.UniqueConstraint("ref", name=op.f("uq_reconciliation_finding_ref")),
    )
    op.create_index(
        "ix_reconciliation_finding_standing",
        "reconciliation_finding",
        ["gateway_account", "arose_on"],
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )
    op.create_table(
        "gateway_watch",
        sa.Column("gateway_account", sa.String(length=40), nullable=False),
        sa.Column("work", sa.String(length=24), nullable=False),
        sa.Column("read_to_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("next_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("done_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("gateway_account", "work", name=op.f("pk_gateway_watch")),
    )
    op.add_column(
        "inbox_event", sa.Column("brought_in", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.create_index("ix_provider_effect_entry", "provider_effect", ["entry_id"])
    op.create_index(
        "ix_posting_on_the_way",
        "posting",
        ["ledger_code", "entry_id"],
        sqlite_where=_ON_THE_WAY,
        postgresql_where=_ON_THE_WAY,
    )


def downgrade() -> None:
    op.drop_index(
        "ix_posting_on_the_way", table_name="posting", sqlite_where=_ON_THE_WAY, postgresql_where=_ON_THE_WAY
    )
    op.drop_column("inbox_event", "brought_in")
    op.drop_index("ix_provider_effect_entry", table_name="provider_effect")
    op.drop_table("gateway_watch")
    op.drop_index(
        "ix_reconciliation_finding_standing",
        table_name="reconciliation_finding",
        sqlite_where=_STANDING,
        postgresql_where=_STANDING,
    )
    op.drop_table("reconciliation_finding")
    op.drop_table("payout")
    op.drop_table("gateway_movement")
