"""The address of a database, and the way in: SQLite, in a file or in memory, or PostgreSQL.

A password in the address is never told: errors, logs and representations hold `shown` alone, and
whatever a driver says is told without it.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from tonewise.errors import ConfigError, PluginError, StoreError
from tonewise.operating import Store

BUSY_MS = 5000
"""Milliseconds that SQLite waits for another process's lock."""
CONNECT_S = 5
"""Seconds that PostgreSQL has to answer."""
DEAD_MS = 10_000
"""Milliseconds after which a PostgreSQL that takes nothing is given up."""


class Address:
    """Where the store is.

    Args:
        settings: the store's.
        environ: where `url_env` is looked up.

    Attributes:
        shown: for people: without password or options.
        file: SQLite's; None for PostgreSQL, and in memory.
        in_memory: nothing outlives the process.

    Raises:
        ConfigError: it is no address that we know.
    """

    def __init__(self, settings: Store, environ: Mapping[str, str]) -> None:
        told = environ.get(settings.url_env, "").strip() if settings.url_env else ""
        where = f"${settings.url_env}" if told else "store.url"
        self.url = _read(told or settings.url, where)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.in_memory = self.is_sqlite and self.url.database in (None, "", ":memory:")
        self.file = Path(self.url.database or "") if self.is_sqlite else None
        self.file = None if self.in_memory else self.file
        self.shown = _shown(self.url, in_memory=self.in_memory)

    def __repr__(self) -> str:
        return f"<Address {self.shown}>"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be told of it, as it is and as it stands in the address."""
        found = [str(self.url.password or "")]
        for name, value in self.url.query.items():
            if "pass" in name:
                found += [value] if isinstance(value, str) else value
        found += [quote_plus(secret) for secret in found]
        return tuple(secret for secret in found if secret)

    def journal(self, settings: Store) -> Path:
        """The folder of the journal. Not `…-journal`: SQLite has files of such names itself."""
        if settings.journal:
            return Path(settings.journal)
        if self.file is not None:
            return self.file.with_name(f"{self.file.name}.journal")
        return Path("tonewise-journal")


def _read(told: str, where: str) -> URL:
    if not told:
        return URL.create("sqlite")
    scheme = told.partition(":")[0]
    good = "'sqlite:///tonewise.db' or 'postgresql://user@host/name'"
    if scheme not in ("sqlite", "postgresql", "postgres", "postgresql+psycopg"):
        # The scheme alone is told: who forgot it may have begun with the password.
        msg = f"{where}: not the address of a store that we know; write {good}"
        raise ConfigError(msg)
    try:
        url = make_url(told)
    except (ArgumentError, ValueError):  # their words may quote the password
        msg = f"{where}: cannot be understood; write {good}, and %40 for an @ within a password"
        raise ConfigError(msg) from None
    if scheme == "sqlite":
        if url.host or url.query:
            msg = f"{where}: three slashes before the file, and no options: 'sqlite:///tonewise.db'"
            raise ConfigError(msg)
        return url
    return url.set(drivername="postgresql+psycopg")


def _shown(url: URL, *, in_memory: bool) -> str:
    if in_memory:
        return "in memory"
    if url.get_backend_name() == "sqlite":
        return f"sqlite:///{url.database}"
    bare = url.set(drivername="postgresql", query={})
    return URL.create(
        bare.drivername,
        username=bare.username,
        host=bare.host,
        port=bare.port,
        database=bare.database,
    ).render_as_string(hide_password=True)


class Database:
    """An open database; connections are made when they are needed.

    Args:
        address: where it is.
        read_only: it is not made where it is not there.

    Raises:
        PluginError: the driver is not installed.
        StoreError: the file cannot be made or opened.
    """

    def __init__(self, address: Address, *, read_only: bool = False) -> None:
        self.address = address
        # A database in memory has one connection: threads take turns.
        self._turn: AbstractContextManager[object] = (
            threading.RLock() if address.in_memory else nullcontext()
        )
        if address.file is not None and not address.file.exists():
            _make(address, address.file, read_only=read_only)
        self.engine = _engine(address, read_only=read_only)

    def __repr__(self) -> str:
        return f"<Database {self.address.shown}>"

    @contextmanager
    def connected(self, *, write: bool = False) -> Iterator[Connection]:
        """A connection within a transaction, which is committed at the end.

        Args:
            write: it will write: SQLite's lock is taken at once, so that nothing read before it
                is old when it is changed.
        """
        begin = "BEGIN IMMEDIATE" if write else "BEGIN"
        with self._turn, self.engine.connect() as connection:
            connection.execution_options(tonewise_begin=begin)
            with connection.begin():
                yield connection

    def told(self, error: BaseException) -> str:
        """What a driver said, on one line, without what must not be told."""
        said = str(getattr(error, "orig", None) or error).strip()
        line = " ".join(said.split()) or type(error).__name__
        for secret in self.address.secrets:
            line = line.replace(secret, "***")
        return line

    def checked(self) -> None:
        """Is anybody there?

        Raises:
            StoreError: nobody, or not for us.
        """
        try:
            with self.connected() as connection:
                connection.exec_driver_sql("SELECT 1")
        except SQLAlchemyError as error:
            msg = f"the store at {self.address.shown} cannot be opened: {self.told(error)}"
            raise StoreError(msg) from None

    def close(self) -> None:
        """Let all connections go."""
        self.engine.dispose()


def _make(address: Address, file: Path, *, read_only: bool) -> None:
    if read_only:
        raise StoreError(f"there is no store at {address.shown} yet: `tonewise serve` makes it")
    try:
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        msg = f"the store at {address.shown} cannot be made: {error.strerror}"
        raise StoreError(msg) from error


def _engine(address: Address, *, read_only: bool) -> Engine:
    options: dict[str, Any] = {
        "hide_parameters": True,  # errors would tell what was said
        "json_serializer": lambda value: msgspec.json.encode(value).decode(),
        "json_deserializer": msgspec.json.decode,
    }
    if address.in_memory:
        options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    elif not address.is_sqlite:
        options |= {"pool_pre_ping": True, "pool_size": 4, "max_overflow": 4}
        ours: dict[str, object] = {"connect_timeout": CONNECT_S, "tcp_user_timeout": DEAD_MS}
        ours |= {"application_name": "tonewise"}
        options["connect_args"] = {
            name: value for name, value in ours.items() if name not in address.url.query
        }
    try:
        engine = create_engine(address.url, **options)
    except ModuleNotFoundError as error:
        msg = f"the store at {address.shown} needs {error.name!r}, which is not installed; "
        msg += "python -m pip install 'tonewise[postgres]' brings it"
        raise PluginError(msg) from None
    if address.is_sqlite:
        event.listen(engine, "connect", _looking if read_only else _prepared)
        event.listen(engine, "begin", _begun)
    return engine


def _prepared(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None  # we begin transactions ourselves
    for pragma in (
        f"busy_timeout = {BUSY_MS}",
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "secure_delete = ON",  # words whose time is over are overwritten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _looking(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    """The file may be anybody's, so not even its mode is changed."""
    connection.isolation_level = None
    for pragma in (f"busy_timeout = {BUSY_MS}", "query_only = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begun(connection: Connection) -> None:
    options = connection.get_execution_options()
    connection.exec_driver_sql(options.get("tonewise_begin", "BEGIN"))
