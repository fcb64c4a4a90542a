"""How Alembic reaches our tables; always driven by models.migrate, never by an ini file."""

from alembic import context

import models

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=models.Base.metadata,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
