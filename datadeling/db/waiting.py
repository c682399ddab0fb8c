"""Waits for the server, and works meanwhile.

What psycopg does with a connection is a generator, which says what it would wait for, and is told when that
has come. So whoever drives it can use the time, in one thread: two would share one interpreter, and take a
quarter more CPU for changing places than they have to do.
"""

import time
from collections.abc import Callable
from select import POLLIN, POLLOUT, poll
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait

Meanwhile = Callable[[], bool]
"""Does a small part of some other work, and says whether there was any. It must not use the connection."""

_EVENTS = {Wait.R: POLLIN, Wait.W: POLLOUT, Wait.RW: POLLIN | POLLOUT}
_REST_MS = 10  # before there may be work again, when there was none

_T = TypeVar("_T")


def wait_at_work(gen: PQGen[_T], fileno: int, meanwhile: Meanwhile, patience: float) -> _T:
    """What `gen` comes to, over the socket `fileno`.

    Between two parts of the other work it looks whether the server has answered. Raise `OperationalError`
    when `patience` seconds have passed before the end, and whatever `gen` and `meanwhile` raise.
    """
    give_up_at = time.monotonic() + patience
    socket = poll()
    try:
        wanted = next(gen)
        while True:
            socket.register(fileno, _EVENTS[wanted])
            while not (events := socket.poll(0)):
                if time.monotonic() > give_up_at:
                    raise psycopg.OperationalError("the server has not answered in time")
                if not meanwhile() and (events := socket.poll(_REST_MS)):
                    break
            wanted = gen.send(_ready(events[0][1]))
    except StopIteration as end:
        result: _T = end.value
        return result


def _ready(events: int) -> Ready:
    """What has come. An error, or the end of the connection, is for `gen` to find when it reads."""
    reading = Ready.R if events & ~POLLOUT else Ready.NONE
    return Ready(reading | Ready.W) if events & POLLOUT else reading
