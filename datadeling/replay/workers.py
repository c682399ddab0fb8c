"""Does several things side by side, while somebody looks on."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Event, Thread

_LOOK = 0.5  # seconds


def side_by_side(
    deeds: Sequence[Callable[[], None]], workers: int, stop: Event, look: Callable[[], None]
) -> None:
    """Do all of them, in this order, at most `workers` at once; `look` is called twice a second meanwhile.

    The first exception, of one of them or of `look`, sets `stop`, which is for the others to see, and is
    raised when they have ended. The threads hold up no process that wants to end.
    """
    names = [f"replay {n}" for n in range(min(workers, len(deeds)))]
    waiting: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
    for deed in (*deeds, *(None for _ in names)):
        waiting.put(deed)
    faults: list[BaseException] = []

    def safely(deed: Callable[[], None]) -> None:
        try:
            deed()
        except BaseException as fault:  # noqa: BLE001 (is raised below)
            faults.append(fault)
            stop.set()

    def work() -> None:
        while not stop.is_set() and (deed := waiting.get()):
            safely(deed)

    threads = [Thread(target=work, name=name, daemon=True) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(_LOOK)
            safely(look)
    if faults:
        raise faults[0]
