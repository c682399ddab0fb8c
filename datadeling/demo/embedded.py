"""The life of an embedded service: directory, start, readiness, stop. Subclasses say what it is that runs."""

import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, Self

from datadeling.demo.process import Child, Guard, ServiceFailed

_POLL_S = 0.02


class EmbeddedService(ABC):
    """A service of our own on 127.0.0.1, started and stopped with the block.

    Its data, configuration and log are in `directory`: the caller's (made if missing, left at the end), or
    else a temporary one that `close` removes. The ports never change; the data stays from start to start
    until `close`. One thread at a time may use an instance. If this process dies, however it dies, the
    service dies with it and the temporary directory is removed.
    """

    name: ClassVar[str]
    deadline_s: ClassVar[float]

    def __init__(self, directory: Path | None = None) -> None:
        self._given = directory and directory.resolve()
        self._owned: Path | None = None
        self._guard: Guard | None = None
        self._child: Child | None = None

    @abstractmethod
    def _prepare(self) -> None:
        """Make the data where there is none yet; blocks. Raise `ServiceFailed` when it cannot be done."""

    @abstractmethod
    def _launch(self) -> Child:
        """Start the process; does not wait for it."""

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it answers a real request; blocks for a fraction of a second at most, raises nothing."""

    @property
    def directory(self) -> Path:
        """Where data, configuration and log are. Raise `RuntimeError` before the first start."""
        directory = self._given or self._owned
        if directory is None:
            raise RuntimeError(f"{self.name} has not been started")
        return directory

    @property
    def log(self) -> Path:
        """The file that the service writes to."""
        return self.directory / f"{self.name.lower()}.log"

    @property
    def pid(self) -> int:
        """The process id of the service. Raise `RuntimeError` when it has not been started."""
        if self._child is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether the process is there, which does not mean that it answers."""
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start, and block until it answers. Starting what runs is an error (`RuntimeError`).

        Raises `ServiceFailed`, with the end of the log, when it ends or has not answered within `deadline_s`.
        After any exception nothing runs and what was temporary is gone.
        """
        if self.running:
            raise RuntimeError(f"{self.name} is running")
        try:
            self._make_directory()
            self._prepare()
            self._child = self._launch()
            self._await_answer(self._child)
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def stop(self) -> None:
        """Stop in good order and block until it is gone; the data stays. Safe when it does not run."""

    def restart(self) -> None:
        """Stop if it runs, then start on the same data and the same ports."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop, and remove the directory if it is ours. Safe to call again; `start` begins with nothing."""
        try:
            self.stop()
        finally:
            if self._owned is not None:
                shutil.rmtree(self._owned, ignore_errors=True)
                self._owned = None
            if self._guard is not None:
                self._guard.disarm()
                self._guard = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make_directory(self) -> None:
        if self._given is not None:
            self._given.mkdir(parents=True, exist_ok=True)
        elif self._owned is None:
            self._owned = temporary_directory(f"datadeling-{self.name.lower()}-")
            self._guard = Guard(directory=self._owned)

    def _await_answer(self, child: Child) -> None:
        deadline = time.monotonic() + self.deadline_s
        while not self._answers():
            code = child.poll()
            if code is not None:
                raise ServiceFailed(f"{self.name} ended ({code}):\n{child.log_tail()}")
            if time.monotonic() > deadline:
                raise ServiceFailed(
                    f"{self.name} did not answer in {self.deadline_s:.0f} s:\n{child.log_tail()}"
                )
            time.sleep(_POLL_S)


def temporary_directory(prefix: str) -> Path:
    """A new directory that any user may enter, but not list.

    PostgreSQL runs as another user when we are root, and must reach its data. So where the usual place for
    temporary files is closed to others, take one of the system's.
    """
    places = [tempfile.gettempdir()]
    if os.geteuid() == 0:
        places += ["/tmp", "/var/tmp"]  # noqa: S108 - a name nobody can foresee is made below it
    place = next((p for p in places if _open_to_all(Path(p))), places[0])
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    directory.chmod(0o711)
    return directory.resolve()


def _open_to_all(directory: Path) -> bool:
    try:
        resolved = directory.resolve(strict=True)
        return all(step.stat().st_mode & 0o001 for step in (resolved, *resolved.parents))
    except OSError:
        return False
