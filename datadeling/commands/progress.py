"""Progress of a long command: a bar on a terminal, else a log line every 10 s."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

import structlog
from rich import progress as rich
from rich.console import Console

from datadeling.operations.replay.runner import OnProgress, Progress

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
    figures = rich.TextColumn("{task.fields[events]:,} events  {task.fields[rate]:,.0f}/s")
    columns = (*rich.Progress.get_default_columns(), rich.TimeElapsedColumn(), figures)
    with rich.Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None, events=0, rate=0.0)
        due = time.monotonic() + _LINE_EVERY

        def report(progress: Progress) -> None:
            nonlocal due
            events, rate, left = progress.events, progress.per_second, progress.left
            total = progress.total
            bar.update(task, total=total, completed=total - left, events=events, rate=rate)
            if bar.disable and time.monotonic() >= due:
                due = time.monotonic() + _LINE_EVERY
                seconds = None if progress.seconds_left is None else round(progress.seconds_left)
                speed = {"events_per_second": round(rate), "seconds_left": seconds}
                log.info("progress", what=what, events=events, left=left, **speed)

        yield report
