"""The databases of `databases.py` as fixtures: one cluster for all tests, a database for each."""

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from databases import Cluster, binaries


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    pytest.importorskip("psycopg", reason="psycopg is not installed: tonewise[postgres]")
    folder = binaries()
    if folder is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt install postgresql)")
    if os.getuid() == 0 and not any(user.pw_name == "postgres" for user in pwd.getpwall()):
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    running = Cluster(folder)
    yield running
    running.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, on either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tonewise.db'}"
    return request.getfixturevalue("cluster").new()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def any_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Likewise, and in memory."""
    if request.param == "memory":
        return ""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'tonewise.db'}"
    return request.getfixturevalue("cluster").new()
