"""Progress of a long command without a terminal, and its end by signals."""

import os
import signal

import pytest
from structlog.testing import capture_logs

from datadeling.commands import progress as module
from datadeling.commands.progress import show_progress, stop_on_signal
from datadeling.config import KafkaConfig
from datadeling.db.rows import PartitionProgress
from datadeling.operations.replay.jobs import Request
from datadeling.operations.replay.partition import PartitionReplay, Setting
from datadeling.operations.replay.runner import Progress
from datadeling.pipeline.tally import Tally
from tests.hendelser import EPOCH


def partition(start: int, at: int, end: int) -> PartitionReplay:
    progress = PartitionProgress(0, 0, start, at, end, 0, Tally().as_dict(), EPOCH)
    setting = Setting(KafkaConfig("nowhere:9092", "avtaler", "", None), "")
    return PartitionReplay(setting, Request(), progress)


@pytest.fixture
def progress() -> Progress:
    """A replay that was resumed at 400 of 1,000 on a partition, and has read 100 of that in 10 s."""
    part = partition(0, 400, 1_000)
    part.saved = part.saved._replace(next_offset=500, events=90)
    return Progress.of([part], 10.0)


def test_a_line_has_the_progress(progress: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LINE_EVERY", 0.0)
    with capture_logs() as logs, show_progress("replay 7") as report:
        report(progress)
    (line,) = logs
    assert line["event"] == "progress"
    assert (line["what"], line["events"], line["left"]) == ("replay 7", 90, 500)
    assert (line["events_per_second"], line["seconds_left"]) == (9, 50)


def test_lines_are_far_apart(progress: Progress) -> None:
    with capture_logs() as logs, show_progress("replay 7") as report:
        for _ in range(100):
            report(progress)
    assert logs == []


def test_progress_counts_from_where_it_was_first_begun(progress: Progress) -> None:
    assert (progress.total, progress.left, progress.events) == (1_000, 500, 90)


def test_time_left_is_unknown_before_the_first_message() -> None:
    assert Progress.of([partition(0, 0, 10)], 1.0).seconds_left is None
    assert Progress.of([], 0.0).left == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_sets_the_event_and_the_second_has_its_old_handler(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_on_signal() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.is_set()
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before
