"""Two indexes of the desk: open balances by amount, and a kind of debtor among one's own accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OPEN = sa.text("status = 'open'")


def upgrade() -> None:
    op.drop_index("ix_invoice_open_balance", table_name="invoice")
    op.create_index("ix_invoice_balance", "invoice", ["status", "balance_minor"])
    op.create_index("ix_worklist_row_segment", "worklist_row", ["segment", "collector_id", "rank"])


def downgrade() -> None:
    op.drop_index("ix_worklist_row_segment", table_name="worklist_row")
    op.drop_index("ix_invoice_balance", table_name="invoice")
    op.create_index(
        "ix_invoice_open_balance", "invoice", ["balance_minor"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
