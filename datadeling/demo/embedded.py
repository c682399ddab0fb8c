"""An embedded service: its directory, start, readiness and stop. Subclasses add PostgreSQL and Kafka."""

import os
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from signal import Signals
from typing import ClassVar, Self

from datadeling.demo.process import Child, Guard, ServiceFailed

_POLL_S = 0.02


class EmbeddedService(ABC):
    """A service of our own on 127.0.0.1, started and stopped with the block.

    Its data, configuration and log are in `directory`: the caller's (created if missing, left at the end), or
    else a temporary one that `close` removes. The ports never change; the data stays from start to start
    until `close`. One thread at a time may use an instance. If this process dies, however it dies, the
    service dies with it and the temporary directory is removed.
    """

    name: ClassVar[str]
    deadline_s: ClassVar[float]

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory and directory.resolve()
        self._is_ours = directory is None
        self._stack = ExitStack()
        self._child: Child | None = None

    @abstractmethod
    def _prepare(self) -> None:
        """Create the data where there is none yet; blocks. Raise `ServiceFailed` when it cannot be done."""

    @abstractmethod
    def _launch(self) -> Child:
        """Start the process without waiting for it."""

    @abstractmethod
    def _answers(self) -> bool:
        """Return True when it answers a real request. Blocks for a fraction of a second, raises nothing."""

    @abstractmethod
    def stop(self) -> None:
        """Stop in good order and block until it is gone; the data stays. Safe when it does not run."""

    @property
    def directory(self) -> Path:
        """The directory of data, configuration and log. Raise `RuntimeError` before the first start."""
        if self._directory is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._directory

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

    def start(self) -> None:
        """Start, and block until it answers. Raise `RuntimeError` when it runs already.

        Raises `ServiceFailed`, with the end of the log, when it ends or has not answered within `deadline_s`.
        After any exception nothing runs and the temporary directory is gone.
        """
        if self._child is not None and self._child.poll() is None:
            raise RuntimeError(f"{self.name} is running")
        try:
            if self._directory is None:
                prefix = f"datadeling-{self.name.lower()}-"
                self._directory = self._stack.enter_context(temporary_directory(prefix))
            self._directory.mkdir(parents=True, exist_ok=True)
            self._prepare()
            self._child = self._launch()
            self._await_answer(self._child)
        except BaseException:
            self.close()
            raise

    def restart(self) -> None:
        """Stop if it runs, then start on the same data and the same ports."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop, and remove the directory if it is ours. Safe to call again; `start` begins with no data."""
        try:
            self.stop()
        finally:
            self._stack.close()
            if self._is_ours:
                self._directory = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _stop(self, *steps: tuple[Signals, float]) -> None:
        if self._child is not None:
            self._child.stop(*steps)
            self._child = None

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


@contextmanager
def temporary_directory(prefix: str) -> Iterator[Path]:
    """Create a directory that any user may enter, but not list; it is removed after the block.

    PostgreSQL runs as another user when we are root, and must reach its data. So where the usual place for
    temporary files is closed to others, take one of the system's.
    """
    places = [tempfile.gettempdir()]
    if os.geteuid() == 0:
        places += ["/tmp", "/var/tmp"]  # noqa: S108 - mkdtemp draws a random name below it
    place = next((p for p in places if _is_open_to_all(Path(p))), places[0])
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=place)).resolve()
    guard = Guard(directory=directory)
    try:
        directory.chmod(0o711)
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        guard.disarm()


def _is_open_to_all(directory: Path) -> bool:
    try:
        resolved = directory.resolve(strict=True)
        return all(step.stat().st_mode & 0o001 for step in (resolved, *resolved.parents))
    except OSError:
        return False
