"""Further facts of payment attempts: accepted by a bank, asked about so often; the charge of a notification.

Refunds and disputes made at the gateway bear no tag of ours; the charge says whose money they are.
"""

import sqlalchemy as sa
from alembic import op

from models import base
from models.checks import allow, forbid

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; a notification that is here already names its charge in its payload only."""
    allow(op.get_bind(), "task", "kind", "recovered_money")
    op.add_column("inbox_event", sa.Column("charge_id", sa.Text(), nullable=True))
    op.add_column("payment_attempt", sa.Column("accepted_at", base.UTCDateTime(timezone=True), nullable=True))
    op.add_column(
        "payment_attempt", sa.Column("looks", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "payment_attempt", sa.Column("next_look_at", base.UTCDateTime(timezone=True), nullable=True)
    )
    op.execute("UPDATE payment_attempt SET accepted_at = started_at WHERE status = 'processing'")


def downgrade() -> None:
    """Take the columns away."""
    op.drop_column("payment_attempt", "next_look_at")
    op.drop_column("payment_attempt", "looks")
    op.drop_column("payment_attempt", "accepted_at")
    op.drop_column("inbox_event", "charge_id")
    op.execute("DELETE FROM task WHERE kind = 'recovered_money'")
    forbid(op.get_bind(), "task", "kind", "recovered_money")
