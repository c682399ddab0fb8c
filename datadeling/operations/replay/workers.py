"""Does several things side by side, while somebody looks on."""

from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread

_LOOK = 0.5  # seconds


def side_by_side(
    deeds: Sequence[Callable[[], None]], workers: int, stop: Event, look: Callable[[], None]
) -> None:
    """Do all of them, in this order, at most `workers` at once; `look` is called twice a second meanwhile.

    The first exception, of one of them or of `look`, sets `stop`, which is for the others to see, and is
    raised when they have ended. The threads hold up no process that wants to end.
    """
    shift = _Shift(deeds, stop)
    workers = min(workers, len(deeds))
    threads = [Thread(target=shift.work, name=f"replay {n}", daemon=True) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(_LOOK)
            shift.safely(look)
    if shift.faults:
        raise shift.faults[0]


class _Shift:
    """What is still to be done, and what went wrong."""

    def __init__(self, deeds: Iterable[Callable[[], None]], stop: Event) -> None:
        self.faults: list[BaseException] = []
        self._stop = stop
        self._waiting: SimpleQueue[Callable[[], None]] = SimpleQueue()
        for deed in deeds:
            self._waiting.put(deed)

    def work(self) -> None:
        while not self._stop.is_set():
            try:
                deed = self._waiting.get_nowait()
            except Empty:
                return
            self.safely(deed)

    def safely(self, deed: Callable[[], None]) -> None:
        try:
            deed()
        except BaseException as fault:  # noqa: BLE001 (is raised in the end)
            self.faults.append(fault)
            self._stop.set()
