"""Connections shared out among the workers of a server.

Who wakes first takes a new connection, and a client keeps it: of 32 that one client opened, a worker had up
to 31, and the other one's core was idle.
"""

import mmap
from typing import Any

_PLACES = 64
_VACANT = 0  # else the number of connections, plus one
_SILENT = -1  # a worker that has not told yet


class Share:
    """What one worker has of the connections, in memory that all workers see."""

    def __init__(self, counts: memoryview, place: int) -> None:
        self._counts = counts
        self.place = place
        counts[place] = _SILENT

    def tell(self, connections: int) -> None:
        """Say how many there are now."""
        self._counts[self.place] = connections + 1

    @property
    def is_larger(self) -> bool:
        """Whether another worker has fewer connections than this one, by a fifth and more.

        By less they always differ where each request has a connection of its own.
        """
        mine = self._counts[self.place]
        return any(_VACANT < others < 0.8 * mine for others in self._counts)

    def give_back(self) -> None:
        """Leave the place to another worker."""
        self._counts[self.place] = _VACANT


class Balance:
    """The shares of a server's workers. Make it before the fork. Its methods are gunicorn's hooks."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, _PLACES * 4)).cast("i")

    def pre_fork(self, _: object, worker: Any) -> None:  # noqa: ANN401 (gunicorn has no types)
        """Give a worker its share, while there are places. It counts from when it first tells."""
        places = self._counts.tolist()
        if _VACANT in places:
            worker.share = Share(self._counts, places.index(_VACANT))

    def child_exit(self, _: object, worker: Any) -> None:  # noqa: ANN401
        """Take it back when the worker has ended, however it did."""
        if worker.share is not None:
            worker.share.give_back()
