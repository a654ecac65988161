"""Databases for tests: SQLite's file, and a PostgreSQL of our own where Debian's package is there.

The cluster is private: in a folder of its own, on a Unix socket there, gone after the session.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

PASSWORD = "hush-hush-4711"
"""In every PostgreSQL address of the tests; it must not turn up anywhere."""


def binaries() -> Path | None:
    """Where initdb and pg_ctl are: on the path, or where Debian hides them."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    hidden = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return hidden[-1].parent if hidden else None


class Cluster:
    """A running PostgreSQL."""

    def __init__(self, programs: Path) -> None:
        # Short: the path of a socket has 107 characters at most.
        self.folder = Path(tempfile.mkdtemp(prefix="tw-pg-", dir="/tmp"))
        self._programs, self._databases = programs, 0
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
        self._run("initdb", "-A", "trust", "-U", "tester", "-E", "UTF8", "--no-sync")
        self.start()

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses='' -c fsync=off -c max_connections=40"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(self.folder / "log"), "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def new(self) -> str:
        """The address of a new, empty database."""
        self._databases += 1
        name = f"t{self._databases}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0")
        return f"postgresql://tester:{PASSWORD}@/{name}?host={self.folder}"

    def sql(self, statement: str, database: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(
            host=str(self.folder), user="tester", dbname=database, autocommit=True
        ) as connection:
            connection.execute(statement)

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", str(self.folder / "data"), *arguments]
        done = subprocess.run(
            command,
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,  # the server would keep a pipe open
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{program} failed: {done.returncode}"
