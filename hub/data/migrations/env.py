"""How Alembic reaches the database: over the connection that `Database.migrate` hands it."""

from alembic import context

import hub.data.account_models  # noqa: F401 - makes its tables known
from hub.data.models import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
