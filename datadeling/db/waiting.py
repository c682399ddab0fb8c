"""Waits for the server and calls other work meanwhile, in one thread.

psycopg implements each operation as a generator that yields the socket events it waits for, so the code that
drives the generator can use the time. A second thread would cost a quarter more CPU (adr/0022).
"""

import time
from collections.abc import Callable
from select import POLLIN, POLLOUT, poll
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

Meanwhile = Callable[[], bool]
"""Do a small part of other work, and return True if there was any. Must not use the connection."""

_EVENTS = {Wait.R: POLLIN, Wait.W: POLLOUT, Wait.RW: POLLIN | POLLOUT}
_PAUSE_MS = 10  # when there was no other work

_T = TypeVar("_T")


def wait_with_work(gen: PQGen[_T], fileno: int, meanwhile: Meanwhile, timeout: float) -> _T:
    """Run `gen` over the socket `fileno` and return its result.

    Polls the socket between two parts of the other work. Raise `OperationalError` after `timeout` seconds,
    and whatever `gen` and `meanwhile` raise.
    """
    deadline = time.monotonic() + timeout
    socket = poll()
    try:
        wanted = next(gen)
        while True:
            socket.register(fileno, _EVENTS[wanted])
            while not (events := socket.poll(0)):
                if time.monotonic() > deadline:
                    raise psycopg.OperationalError("the server has not answered in time")
                if not meanwhile() and (events := socket.poll(_PAUSE_MS)):
                    break
            wanted = gen.send(_ready(events[0][1]))
    except StopIteration as end:
        result: _T = end.value
        return result


def _ready(events: int) -> Ready:
    """Return the events for `gen`. It finds an error or the end of the connection itself when it reads."""
    reading = Ready.R if events & ~POLLOUT else Ready.NONE
    return Ready(reading | Ready.W) if events & POLLOUT else reading
