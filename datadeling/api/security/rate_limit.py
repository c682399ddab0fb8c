"""Limits how often each consumer may call, over all workers of a server.

The workers share memory and a lock that were made before they were forked. No library was found that counts
across processes without a server of its own, and a pod has none. A lock of the kernel's, since it is
let go when its holder is killed.
"""

import fcntl
import math
import mmap
import os
import struct
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from threading import Lock

from flask import g

from datadeling.api.problems import Problem
from datadeling.api.security.rate import judge

_SLOT = struct.Struct("=8sd")  # a consumer, by a hash of its id, and when it is free
_SLOTS = 4_096
_REACH = 16  # slots that a consumer may lie in


class RateLimit:
    """So many calls a second for each consumer. Make it before the fork; 0 is no limit.

    Who has nothing to wait for is forgotten when somebody else needs the place. A consumer that finds all its
    places taken by others that call right now is let through: the limit protects us from one, not from all.
    """

    def __init__(self, calls_per_second: int, now: Callable[[], float] = time.monotonic) -> None:
        self._calls_per_second = calls_per_second
        self._now = now  # the kernel's, so that it is the same in all workers
        self._memory = mmap.mmap(-1, _SLOT.size * _SLOTS)
        self._file = _file_without_a_name()
        weakref.finalize(self, os.close, self._file)
        self._threads = Lock()  # the kernel's lock is between processes only

    def __call__(self) -> None:
        """For `before_request`, once the caller is known. Raise `Problem` 429."""
        if self._calls_per_second:
            wait = self.wait_of(g.caller.consumer)
            if wait:
                raise Problem(429, headers=[("Retry-After", str(max(1, math.ceil(wait))))])

    def wait_of(self, consumer: str) -> float:
        """0 when the consumer may call now, and has; else how many seconds it is to wait."""
        key = blake2b(consumer.encode(), digest_size=8).digest()
        with self._alone():
            now = self._now()
            position, free_at = self._find(key, now)
            if position is None:
                return 0.0
            verdict = judge(free_at, now, self._calls_per_second)
            if not verdict.wait:
                _SLOT.pack_into(self._memory, position, key, verdict.free_at)
            return verdict.wait

    def _find(self, key: bytes, now: float) -> tuple[int | None, float]:
        """Where the consumer is kept, or can be, and when it is free."""
        vacant = None
        first = int.from_bytes(key, "big")
        for step in range(_REACH):
            position = (first + step) % _SLOTS * _SLOT.size
            kept, free_at = _SLOT.unpack_from(self._memory, position)
            if kept == key:
                return position, free_at
            if vacant is None and free_at <= now:
                vacant = position
        return vacant, 0.0

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self._threads:
            fcntl.lockf(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN)


def _file_without_a_name() -> int:
    """A file for its lock alone."""
    file, name = tempfile.mkstemp(prefix="datadeling-rate-")
    Path(name).unlink()
    return file
