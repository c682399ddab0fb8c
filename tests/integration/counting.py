"""Counts calls of functions, and how often the database is asked and waited for."""

import sys
from collections.abc import Callable, Generator
from typing import Any

import pytest

from datadeling.db.connection import DeadlineConnection


class Counting:
    """Looks on while something is done, in this thread, over connections of ours."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._calls = self._exchanges = 0
        wait = DeadlineConnection.wait

        def counted(connection: DeadlineConnection, gen: Any, *args: Any, **rest: Any) -> Any:
            return wait(connection, self._noted(gen), *args, **rest)

        monkeypatch.setattr(DeadlineConnection, "wait", counted)

    def during(self, deed: Callable[[], object]) -> tuple[int, int]:
        """Calls, Python's and C's, and exchanges with the database."""
        self._calls = self._exchanges = 0
        sys.setprofile(self._note)
        try:
            deed()
        finally:
            sys.setprofile(None)
        return self._calls, self._exchanges

    def _note(self, _: object, event: str, __: object) -> None:
        self._calls += event in {"call", "c_call"}

    def _noted(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """The same, step by step: who takes none has not waited for anything.

        Rows that are sent wait for room, sometimes, and for no answer.
        """
        try:
            step = next(gen)
            self._exchanges += getattr(gen, "__name__", "") != "copy_to"
            while True:
                step = gen.send((yield step))
        except StopIteration as end:
            return end.value
