"""A server of our own: its directory, start, readiness and stop. Subclasses add PostgreSQL and Kafka."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from signal import SIGKILL
from typing import Self

from datadeling.demo.process import Child, await_true, free_port, temporary_directory


class EmbeddedService(ABC):
    """A server on a free port of 127.0.0.1 that runs while the block does; it is gone however the block ends.

    Its data and its log are in `directory`, a temporary one. `stop` and `start` keep data and port. One
    thread at a time may use an instance.
    """

    directory: Path
    _child: Child

    def __init__(self) -> None:
        self.port = free_port()

    @abstractmethod
    def _prepare(self) -> None:
        """Create the data. Blocks."""

    @abstractmethod
    def _launch(self) -> Child:
        """Start the process without waiting for it."""

    @abstractmethod
    def _answers(self) -> bool:
        """Return True when it answers a real request. Blocks for a fraction of a second, raises nothing."""

    @property
    def pid(self) -> int:
        """The process id of the server."""
        return self._child.pid

    def start(self) -> None:
        """Start it on its data, and block until it answers.

        Raises `ServiceFailed`, with the end of the log, when it ends or has not answered after a minute.
        """
        self._child = self._launch()
        self._stack.callback(self._child.stop)
        await_true(self._answers, self._child, poll_s=0.02)

    def stop(self) -> None:
        """Stop, by force after 10 s, and block until it is gone. Safe when it does not run."""
        self._child.stop()

    def kill(self) -> None:
        """Kill it as a crash would, and block until it is gone."""
        self._child.stop(sign=SIGKILL)

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        with self._stack:
            self.directory = self._stack.enter_context(temporary_directory())
            self._prepare()
            self.start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
