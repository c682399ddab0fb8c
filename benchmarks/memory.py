"""How much memory a process takes at its worst."""

from threading import Event, Thread
from typing import Self

import psutil

_EVERY = 0.05  # seconds
_MIB = 1024 * 1024


class PeakMemory:
    """Looks at the resident memory of a process again and again while the block runs."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._done = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self.peak = 0.0
        """The greatest amount seen so far, in MiB."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_EVERY):
            try:
                self.peak = max(self.peak, self._process.memory_info().rss / _MIB)
            except psutil.NoSuchProcess:
                return
