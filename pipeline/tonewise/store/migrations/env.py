"""What Alembic runs: the migrations, on the connection and in the transaction it was given."""

from alembic import context

from tonewise.store.schema import metadata

VERSION_TABLE = "tonewise_schema"

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite changes a table by making another
)
context.run_migrations()
