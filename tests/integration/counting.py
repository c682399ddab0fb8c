"""Count calls of functions, and exchanges with the database."""

import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest

from datadeling.db.connection import DeadlineConnection


class Counting:
    """Counts while a function runs, in this thread, over our own connections."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._calls = self._exchanges = 0
        wait = DeadlineConnection.wait

        def counted(connection: DeadlineConnection, gen: Any, *args: Any, **rest: Any) -> Any:
            return wait(connection, self._counted(gen), *args, **rest)

        monkeypatch.setattr(DeadlineConnection, "wait", counted)

    def during(self, function: Callable[[], object]) -> tuple[int, int]:
        """Return the number of calls, of Python and of C, and of exchanges with the database."""
        self._calls = self._exchanges = 0
        sys.setprofile(self._count_call)
        try:
            function()
        finally:
            sys.setprofile(None)
        return self._calls, self._exchanges

    def _count_call(self, _: object, event: str, __: object) -> None:
        self._calls += event in {"call", "c_call"}

    def _counted(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Run a generator of psycopg, and count it as an exchange once it waits.

        Sending the rows of a COPY waits for room, but for no response.
        """
        try:
            step = next(gen)
            self._exchanges += getattr(gen, "__name__", "") != "copy_to"
            while True:
                step = gen.send((yield step))
        except StopIteration as end:
            return end.value
