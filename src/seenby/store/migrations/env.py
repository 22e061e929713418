"""Run the steps on the connection that the store hands over, inside its transaction."""

from alembic import context

from seenby.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
