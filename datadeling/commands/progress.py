"""Progress of a long command: a bar on a terminal, else a log line every 10 s."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from datadeling.operations.replay.partition import OnProgress
from datadeling.operations.replay.partition import Progress as Replayed

_LINE_EVERY = 10.0  # seconds

log = structlog.get_logger(__name__)


@contextmanager
def stop_on_signal() -> Iterator[Event]:
    """Set by the first Ctrl-C or SIGTERM; the second one ends the process as it would any other."""
    stop = Event()

    def handle(number: int, _: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def watching(what: str) -> Iterator[OnProgress]:
    """Shows whatever progress it is given, on standard error."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(what)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} events  {task.fields[rate]:,.0f}/s  {task.fields[left]:,} left"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[time]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=None, events=0, rate=0.0, left=0, time="")

        def look(seen: Replayed) -> None:
            bar.update(
                task,
                total=seen.total,
                completed=seen.total - seen.left,
                events=seen.events,
                rate=seen.per_second,
                left=seen.left,
                time=_time_left(seen.seconds_left),
            )

        yield look


def _lines(what: str) -> Callable[[Replayed], None]:
    due = time.monotonic() + _LINE_EVERY

    def look(seen: Replayed) -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        due = time.monotonic() + _LINE_EVERY
        log.info("progress", what=what, **figures(seen))

    return look


def figures(seen: Replayed) -> dict[str, object]:
    """The progress in a log line."""
    seconds_left = seen.seconds_left
    return {
        "events": seen.events,
        "events_per_second": round(seen.per_second),
        "left": seen.left,
        "seconds_left": None if seconds_left is None else round(seconds_left),
    }


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} to go"
