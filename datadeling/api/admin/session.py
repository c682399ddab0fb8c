"""Where administrators are served: a connection for each call, and few calls at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from datadeling.api.problems import Problem, unavailable
from datadeling.db.connection import FOR_A_CALL
from datadeling.db.database import Database

_AT_ONCE = 2  # of a worker's threads: lookups go on, however long these take


class AdminSession:
    """For any number of threads. Connections are its own: the lookups' are not there to write, or to wait."""

    def __init__(self, db_url: str, topic: str | None) -> None:
        self._db_url = db_url
        self._topic = topic
        self._places = BoundedSemaphore(_AT_ONCE)

    @property
    def topic(self) -> str:
        """Whose replays and failed messages they are. Raise `Problem` 404 when nobody has said."""
        if self._topic is None:
            detail = "Tjenesten er satt opp uten KAFKA_TOPIC: den vet ikke hvilket topic det gjelder."
            raise Problem(404, kode="ADMIN_IKKE_SATT_OPP", detail=detail)
        return self._topic

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A database for one call. Raise `Problem` 503 when enough calls are in hand already.

        What is done with it raises `DatabaseUnavailable` when it cannot be done in time.
        """
        if not self._places.acquire(blocking=False):
            raise unavailable("ADMIN_OPPTATT")
        database = Database(self._db_url, "datadeling admin", FOR_A_CALL)
        try:
            yield database
        finally:
            database.close()
            self._places.release()
