"""A database whose connection fails at a chosen moment."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from datadeling.db.connection import DeadlineConnection
from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.errors import DatabaseUnavailable


class Brittle(Database):
    """Fails once: before one of its exchanges with the server, or right after a commit."""

    def __init__(self, db_url: str, application: str) -> None:
        super().__init__(db_url, application)
        self._action: Callable[[int], None] | None = None
        self._exchanges = 0
        self._commits: int | None = None
        self.struck = False

    def before_exchange(self, number: int, action: Callable[[int], None]) -> None:
        """Call `action` with the pid of the backend, after so many more exchanges."""
        self._exchanges, self._action = number, action

    def die(self, number: int, kill: Callable[[int], None]) -> None:
        """Call `kill` with the pid of the backend, after so many more exchanges; sets `struck`."""

        def strike(backend: int) -> None:
            self.struck = True
            kill(backend)

        self.before_exchange(number, strike)

    def lose_answer(self, number: int) -> None:
        """Lose the response to a commit, after so many others."""
        self._commits = number

    def recover(self) -> None:
        """Cancel the failure."""
        self._action, self._commits, self.struck = None, None, False

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with super().transaction() as tx:
            yield tx
        if self._commits is not None:
            self._commits -= 1
            if self._commits < 0:
                self._commits, self.struck = None, True
                self.close()
                raise DatabaseUnavailable("the answer to COMMIT never came")

    def _connected(self) -> DeadlineConnection:
        connection = super()._connected()
        if "wait" not in vars(connection):  # every exchange of a connection goes through its method `wait`
            wait = connection.wait

            def watched(*args: Any, **options: Any) -> Any:
                self._before_exchange(connection)
                return wait(*args, **options)

            vars(connection)["wait"] = watched
        return connection

    def _before_exchange(self, connection: psycopg.Connection) -> None:
        if self._action is None:
            return
        self._exchanges -= 1
        if self._exchanges < 0:
            action, self._action = self._action, None
            action(connection.info.backend_pid)
