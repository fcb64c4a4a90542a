"""Further facts of saved cards: the mandate they are charged on, a customer that is gone; and of which card
a notification speaks."""

import sqlalchemy as sa
from alembic import op

from models import base

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("saved_card", sa.Column("mandate_id", sa.Text(), nullable=True))
    op.add_column("saved_card", sa.Column("customer_gone_at", base.UTCDateTime(timezone=True), nullable=True))
    op.add_column("inbox_event", sa.Column("payment_method_id", sa.Text(), nullable=True))
    op.create_index("ix_saved_card_customer", "saved_card", ["customer_id"], unique=False)
    op.create_index("ix_saved_card_mandate", "saved_card", ["mandate_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_saved_card_mandate", "saved_card")
    op.drop_index("ix_saved_card_customer", "saved_card")
    op.drop_column("inbox_event", "payment_method_id")
    op.drop_column("saved_card", "customer_gone_at")
    op.drop_column("saved_card", "mandate_id")
