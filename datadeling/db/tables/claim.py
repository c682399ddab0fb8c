"""The lock of whoever runs a replay: held by a connection of its own, so it is free when the process dies."""

from contextlib import suppress

import psycopg

from datadeling.db.connection import connect, translated
from datadeling.db.queries import queries
from datadeling.db.tables.replays import LOCK_SPACE

# So that the server, too, notices within half a minute that a machine is gone, and lets the lock go.
_NOTICE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


class Claim:
    """The right to run one replay. For one thread; nobody else has it meanwhile."""

    def __init__(self, db_url: str, replay: int) -> None:
        self._db_url = db_url
        self._replay = replay
        self._connection: psycopg.Connection | None = None

    def take(self) -> bool:
        """Have it, or still have it. False when somebody else has. Raise `DatabaseUnavailable`."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            self.release()
            self._connection = connect(self._db_url, options=_NOTICE, application="datadeling replay")
        # Who has it already gets it again: that the connection still lives is what this asks then.
        values = {"space": LOCK_SPACE, "id": self._replay}
        with translated(self._connection):
            row = self._connection.execute(queries["take_replay"], values).fetchone()
        if row and row[0]:
            return True
        self.release()
        return False

    def release(self) -> None:
        """Let others have it."""
        if self._connection is not None:
            with suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
