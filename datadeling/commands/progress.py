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
from datadeling.operations.replay.partition import Progress as ReplayProgress

_LINE_EVERY = 10.0  # seconds

log = structlog.get_logger(__name__)


@contextmanager
def stop_on_signal() -> Iterator[Event]:
    """Yield an event that the first Ctrl-C or SIGTERM sets. The second one ends the process at once."""
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
def show_progress(what: str) -> Iterator[OnProgress]:
    """Yield a function that shows the progress passed to it, on standard error."""
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

        def report(progress: ReplayProgress) -> None:
            bar.update(
                task,
                total=progress.total,
                completed=progress.total - progress.left,
                events=progress.events,
                rate=progress.per_second,
                left=progress.left,
                time=_time_left(progress.seconds_left),
            )

        yield report


def _lines(what: str) -> Callable[[ReplayProgress], None]:
    due = time.monotonic() + _LINE_EVERY

    def report(progress: ReplayProgress) -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        due = time.monotonic() + _LINE_EVERY
        seconds_left = progress.seconds_left
        log.info(
            "progress",
            what=what,
            events=progress.events,
            events_per_second=round(progress.per_second),
            left=progress.left,
            seconds_left=None if seconds_left is None else round(seconds_left),
        )

    return report


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} to go"
