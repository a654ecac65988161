"""Brings a database to the schema that this tonewise knows, when it is opened.

Two processes that start at once take turns: the migrations run under a lock, in one transaction.
"""

import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tonewise.errors import StoreError
from tonewise.store.database import Database

MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "tonewise_schema"

_LOCK = int.from_bytes(b"tonewise")
"""The number of our advisory lock in PostgreSQL."""
_alembic = threading.Lock()
"""Alembic knows one migration at a time in a process."""


def migrate(database: Database) -> None:
    """Make or change the tables.

    Raises:
        StoreError: the database is of a newer tonewise, or cannot be changed.
    """
    try:
        with _alembic, database.connected(write=True) as connection:
            if not database.address.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            config = configured(connection)
            now, newest = _versions(connection, config, database.address.shown)
            if now != newest:
                command.upgrade(config, "head")
    except SQLAlchemyError as error:
        msg = f"the store at {database.address.shown} cannot be opened: {database.told(error)}"
        raise StoreError(msg) from None


def check(database: Database) -> None:
    """For who only reads: the tables are those that we know.

    Raises:
        StoreError: nothing can be read, or not by this tonewise.
    """
    shown = database.address.shown
    try:
        with database.connected() as connection:
            now, newest = _versions(connection, configured(connection), shown)
    except SQLAlchemyError as error:
        msg = f"the store at {shown} cannot be opened: {database.told(error)}"
        raise StoreError(msg) from None
    if now is None:
        raise StoreError(f"there is no store at {shown} yet: `tonewise serve` makes it")
    if now != newest:
        msg = f"the store at {shown} is of an older tonewise: `tonewise serve` brings it up to date"
        raise StoreError(msg)


def configured(connection: Connection) -> Config:
    """What Alembic needs to know."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _versions(connection: Connection, config: Config, shown: str) -> tuple[str | None, str | None]:
    """The database's version, None where it is new, and the newest that we know."""
    options = {"version_table": VERSION_TABLE}
    now = MigrationContext.configure(connection, opts=options).get_current_revision()
    scripts = ScriptDirectory.from_config(config)
    known = [script.revision for script in scripts.walk_revisions()]
    if now is not None and now not in known:
        msg = f"the store at {shown} is of a newer tonewise: its schema is {now!r}, and this one "
        raise StoreError(f"{msg}knows up to {known[0]!r}; update tonewise")
    return now, known[0]
