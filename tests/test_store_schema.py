"""Migrations lead to the very tables that the code states, once, whoever starts at once."""

import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from tonewise.errors import StoreError
from tonewise.operating import Store
from tonewise.store import migrating, schema
from tonewise.store.database import Address, Database
from tonewise.store.keeper import open_store
from tonewise.store.reading import open_reading

pytest_plugins = ["database_fixtures"]


@pytest.fixture
def database(url: str):
    opened = Database(Address(Store(url=url), {}))
    yield opened
    opened.close()


def differences(database: Database) -> list[object]:
    with database.connected() as connection:
        options = {
            "version_table": migrating.VERSION_TABLE,
            "compare_type": True,
            "compare_server_default": True,
        }
        context = MigrationContext.configure(connection, opts=options)
        return compare_metadata(context, schema.metadata)


def test_the_migrations_give_the_very_schema_that_the_code_states(database):
    assert len(differences(database)) > len(schema.metadata.tables), "nothing is there yet"
    migrating.migrate(database)
    assert differences(database) == []
    migrating.migrate(database)
    assert differences(database) == []


def test_keys_are_the_same_in_the_migrations_and_in_the_code(database):
    """Alembic does not compare primary keys, and they are what keeps records from doubling."""
    migrating.migrate(database)
    told = inspect(database.engine)
    for table in schema.metadata.tables.values():
        key = told.get_pk_constraint(table.name)["constrained_columns"]
        assert key == [column.name for column in table.primary_key.columns], table.name


def test_every_index_of_the_code_is_in_the_migrations_with_its_condition(database):
    """Alembic does not compare the conditions of partial indexes."""
    migrating.migrate(database)
    told = inspect(database.engine)
    for table in schema.metadata.tables.values():
        found = {
            index["name"]: (
                index["column_names"],
                any(key.endswith("_where") for key in index["dialect_options"]),
            )
            for index in told.get_indexes(table.name)
        }
        stated = {
            index.name: (
                [column.name for column in index.columns],
                index.dialect_options["sqlite"]["where"] is not None,
            )
            for index in table.indexes
        }
        assert found == stated, table.name


def test_migrations_can_be_taken_back(database):
    migrating.migrate(database)
    with database.connected(write=True) as connection:
        command.downgrade(migrating.configured(connection), "base")
    left = set(inspect(database.engine).get_table_names())
    assert left == {migrating.VERSION_TABLE}
    migrating.migrate(database)
    assert differences(database) == []


def test_a_database_of_a_newer_tonewise_is_refused_and_left_as_it_is(database, url):
    migrating.migrate(database)
    with database.connected(write=True) as connection:
        connection.exec_driver_sql(f"UPDATE {migrating.VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreError, match=r"newer tonewise: its schema is '9999'.*'0001'; update"):
        migrating.migrate(database)
    with pytest.raises(StoreError, match="newer tonewise"):
        open_reading(Store(url=url), {})
    assert differences(database) == []


def test_a_failed_migration_leaves_nothing_behind(database, monkeypatch):
    upgrade = command.upgrade

    def breaks(config, revision):
        upgrade(config, revision)
        config.attributes["connection"].exec_driver_sql("SELECT * FROM not_there")

    monkeypatch.setattr(migrating.command, "upgrade", breaks)
    with pytest.raises(StoreError, match=r"cannot be opened.*not_there"):
        migrating.migrate(database)
    assert inspect(database.engine).get_table_names() == []
    monkeypatch.undo()
    migrating.migrate(database)
    assert differences(database) == []


def test_processes_that_start_at_once_on_an_empty_database_all_start(url, tmp_path):
    code = (
        "import sys; from tonewise.operating import Store; "
        "from tonewise.store.keeper import open_store; "
        "print('ready', flush=True); sys.stdin.readline(); "
        "open_store(Store(url=sys.argv[1], journal=sys.argv[2]), {}).close(); print('done')"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, url, str(tmp_path / "journal")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:  # all at once, and not each when it has imported
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "done\n", "")


def test_who_only_reads_makes_no_database_and_changes_none(database, url, tmp_path):
    if url.startswith("sqlite"):
        with pytest.raises(StoreError, match=r"no store at .*none.db yet"):
            open_reading(Store(url=f"sqlite:///{tmp_path / 'none.db'}"), {})
        assert not (tmp_path / "none.db").exists()
    with pytest.raises(StoreError, match=r"there is no store at .* yet"):
        open_reading(Store(url=url), {})
    assert inspect(database.engine).get_table_names() == []


@pytest.mark.parametrize("holds", ["nothing", "words", "another_program"])
def test_who_only_reads_leaves_a_file_that_is_no_store_as_it_was(tmp_path, holds):
    file = tmp_path / "notes.db"
    file.write_text("milk, bread\n" * 100 if holds == "words" else "")
    if holds == "another_program":
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE notes (line TEXT)")
        other.close()
    before = file.read_bytes()
    with pytest.raises(StoreError, match=re.escape(f"store at sqlite:///{file} ")):
        open_reading(Store(url=f"sqlite:///{file}"), {})
    assert file.read_bytes() == before
    assert [*tmp_path.iterdir()] == [file]


def test_a_store_that_is_not_there_is_told_by_its_address(tmp_path):
    with pytest.raises(StoreError, match=f"there is no store at sqlite:///{tmp_path}/none.db yet"):
        open_reading(Store(url=f"sqlite:///{tmp_path}/none.db"), {})


def test_who_only_reads_sees_what_a_server_has_just_written(tmp_path):
    settings = Store(url=f"sqlite:///{tmp_path}/tonewise.db")
    store = open_store(settings, {})
    try:
        store.keep("colour", b"blue")
        assert store.flush()
        reading = open_reading(settings, {})
        try:
            assert reading.kept("colour") == b"blue"
        finally:
            reading.close()
    finally:
        store.close()


def test_an_older_database_is_not_read_but_told(database, url, monkeypatch):
    migrating.migrate(database)
    monkeypatch.setattr(migrating, "_versions", lambda *_: ("0001", "0002"))
    with pytest.raises(StoreError, match="older tonewise: `tonewise serve` brings it up to date"):
        open_reading(Store(url=url), {})


def test_the_migrations_are_where_the_wheel_takes_them_from():
    files = {path.name for path in Path(migrating.MIGRATIONS).rglob("*.py")}
    assert {"env.py", "v0001_records.py"} <= files
    assert Path(migrating.MIGRATIONS).is_relative_to(Path(schema.__file__).parent)
