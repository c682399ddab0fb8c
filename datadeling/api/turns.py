"""Whose turn it is among the threads of a worker: one takes what comes, until it is about to be slow."""

import math
from threading import Lock


class Turn:
    """The right to take what comes. Any thread may end it, any number of times."""

    def __init__(self, place: Lock) -> None:
        self._place = place
        self._over = Lock()
        self.busy_since = math.inf
        """Since when its thread is at work, by the monotonic clock; infinite while it waits for some."""

    def is_over(self) -> bool:
        """Whether somebody else may have the next one."""
        return self._over.locked()

    def pass_on(self) -> None:
        """Let another thread have its turn."""
        if self._over.acquire(blocking=False):  # who ends it is who frees the place, once
            self._place.release()


class Turns:
    """One at a time. Threads that work at the same time wait for the interpreter most of it: adr/0026."""

    def __init__(self) -> None:
        self._place = Lock()
        self._current: Turn | None = None

    def take(self) -> Turn:
        """Block until it is the caller's turn."""
        self._place.acquire()
        self._current = turn = Turn(self._place)
        return turn

    def relieve(self, since: float) -> None:
        """End the turn of a thread that has been at work since before that."""
        turn = self._current
        if turn is not None and turn.busy_since < since:
            turn.pass_on()
