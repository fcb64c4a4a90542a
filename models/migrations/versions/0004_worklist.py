"""The collectors' worklist: its ranking, claims, skips, assignments, bulk acts, and keys of one's own."""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worklist_follower",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("audit_id", sa.BigInteger(), nullable=False),
        sa.Column("followed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_worklist_follower_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worklist_follower")),
    )
    op.create_table(
        "bulk_act",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "reassign",
                "remind",
                "put_off",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("undone_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("undone_by_id", base.BigId, nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_bulk_act_staff_id")),
        sa.ForeignKeyConstraint(["undone_by_id"], ["staff.id"], name=op.f("fk_bulk_act_undone_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_act")),
        sa.UniqueConstraint("ref", name=op.f("uq_bulk_act_ref")),
    )
    op.create_table(
        "key_preference",
        sa.Column("staff_id", base.BigId, autoincrement=False, nullable=False),
        sa.Column("is_off", sa.Boolean(), nullable=False),
        sa.Column("keys", sa.JSON(), nullable=False),
        sa.Column("changed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_key_preference_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_key_preference")),
    )
    op.create_table(
        "assignment",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("batch", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("from_staff_id", base.BigId, nullable=True),
        sa.Column("to_staff_id", base.BigId, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by_id", base.BigId, nullable=False),
        sa.Column("made_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("begun_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.Column("ended_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "from_staff_id IS NULL OR from_staff_id <> to_staff_id", name=op.f("ck_assignment_other")
        ),
        sa.CheckConstraint("to_on IS NULL OR to_on >= from_on", name=op.f("ck_assignment_days")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_assignment_account_id")),
        sa.ForeignKeyConstraint(["from_staff_id"], ["staff.id"], name=op.f("fk_assignment_from_staff_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["staff.id"], name=op.f("fk_assignment_made_by_id")),
        sa.ForeignKeyConstraint(["to_staff_id"], ["staff.id"], name=op.f("fk_assignment_to_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index("ix_assignment_batch", "assignment", ["batch"], unique=False)
    op.create_index("ix_assignment_days", "assignment", ["ended_at", "from_on"], unique=False)
    op.create_index(
        "uq_assignment_open",
        "assignment",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "bulk_act_account",
        sa.Column("bulk_act_id", base.BigId, nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("undone", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_bulk_act_account_account_id")),
        sa.ForeignKeyConstraint(
            ["bulk_act_id"], ["bulk_act.id"], name=op.f("fk_bulk_act_account_bulk_act_id")
        ),
        sa.PrimaryKeyConstraint("bulk_act_id", "account_id", name=op.f("pk_bulk_act_account")),
    )
    op.create_table(
        "worklist_claim",
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column("claimed_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("expires_at > claimed_at", name=op.f("ck_worklist_claim_expires")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_worklist_claim_account_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_worklist_claim_staff_id")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_worklist_claim")),
    )
    op.create_index("ix_worklist_claim_staff", "worklist_claim", ["staff_id"], unique=False)
    op.create_table(
        "worklist_row",
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("collectable_minor", sa.BigInteger(), nullable=False),
        sa.Column("disputed_minor", sa.BigInteger(), nullable=False),
        sa.Column("oldest_on", sa.Date(), nullable=False),
        sa.Column("at_risk_minor", sa.BigInteger(), nullable=False),
        sa.Column("lifted_from_minor", sa.BigInteger(), nullable=True),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("bands", sa.JSON(), nullable=False),
        sa.Column("factors", sa.JSON(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("next_code", sa.String(length=60), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("rests_until", sa.Date(), nullable=True),
        sa.Column("collector_id", base.BigId, nullable=True),
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
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("ranked_on", sa.Date(), nullable=False),
        sa.Column("ranked_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("collectable_minor >= 0", name=op.f("ck_worklist_row_collectable")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_worklist_row_account_id")),
        sa.ForeignKeyConstraint(["collector_id"], ["staff.id"], name=op.f("fk_worklist_row_collector_id")),
        sa.PrimaryKeyConstraint("account_id", "currency", name=op.f("pk_worklist_row")),
    )
    op.create_index("ix_worklist_row_age", "worklist_row", ["oldest_on", "account_id"], unique=False)
    op.create_index("ix_worklist_row_collector", "worklist_row", ["collector_id", "rank"], unique=False)
    op.create_index("ix_worklist_row_day", "worklist_row", ["ranked_on"], unique=False)
    op.create_index("ix_worklist_row_next", "worklist_row", ["next_on", "account_id"], unique=False)
    op.create_index("ix_worklist_row_rank", "worklist_row", ["rank", "account_id"], unique=False)
    op.create_index("ix_worklist_row_size", "worklist_row", ["size", "account_id"], unique=False)
    op.create_table(
        "worklist_skip",
        sa.Column("id", base.BigId, autoincrement=True, nullable=False),
        sa.Column("ref", sa.String(length=24), nullable=False),
        sa.Column("account_id", base.BigId, nullable=False),
        sa.Column("staff_id", base.BigId, nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "asked_later",
                "waits_colleague",
                "waits_papers",
                "wrong_collector",
                "other",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("skipped_at", base.UTCDateTime(timezone=True), nullable=False),
        sa.Column("ended_at", base.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_worklist_skip_account_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_worklist_skip_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worklist_skip")),
        sa.UniqueConstraint("ref", name=op.f("uq_worklist_skip_ref")),
    )
    op.create_index(
        "uq_worklist_skip_open",
        "worklist_skip",
        ["account_id"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_worklist_skip_open",
        table_name="worklist_skip",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("worklist_skip")
    op.drop_index("ix_worklist_row_size", table_name="worklist_row")
    op.drop_index("ix_worklist_row_rank", table_name="worklist_row")
    op.drop_index("ix_worklist_row_next", table_name="worklist_row")
    op.drop_index("ix_worklist_row_day", table_name="worklist_row")
    op.drop_index("ix_worklist_row_collector", table_name="worklist_row")
    op.drop_index("ix_worklist_row_age", table_name="worklist_row")
    op.drop_table("worklist_row")
    op.drop_index("ix_worklist_claim_staff", table_name="worklist_claim")
    op.drop_table("worklist_claim")
    op.drop_table("bulk_act_account")
    op.drop_index(
        "uq_assignment_open",
        table_name="assignment",
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index("ix_assignment_days", table_name="assignment")
    op.drop_index("ix_assignment_batch", table_name="assignment")
    op.drop_table("assignment")
    op.drop_table("key_preference")
    op.drop_table("bulk_act")
    op.drop_table("worklist_follower")
