"""The time a replay waits, by a clock that only its waiting moves."""

from collections.abc import Iterator
from threading import Event, Thread

import pytest

from datadeling.operations.replay.partition import Rate


def no_lag() -> int:
    return 0


class Stop(Event):
    """Records the timeouts instead of waiting; is set after `patience` of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.now = 1_000.0
        self.waits: list[float] = []
        self.moves = True
        self.patience = 100
        monkeypatch.setattr("datadeling.operations.replay.partition.time.monotonic", lambda: self.now)

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        if self.moves:
            self.now += timeout
        if len(self.waits) == self.patience:
            self.set()
        return self.is_set()


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Stop:
    return Stop(monkeypatch)


def test_without_a_limit_there_is_no_wait(stop: Stop) -> None:
    rate = Rate(None, stop, no_lag)
    for _ in range(3):
        rate.wait(10_000)
    assert stop.waits == []
    assert rate.at_once > 10_000


@pytest.mark.parametrize(
    ("sizes", "waits"),
    [
        pytest.param([100], [0], id="the first may begin"),
        pytest.param([50, 50, 50], [0, 0.5, 0.5], id="then each waits for the one before"),
        pytest.param([400, 1, 1], [0, 4, 0.01], id="a large one is paid for by the next"),
        pytest.param([100, 0, 0], [0, 1, 0], id="none costs nothing"),
    ],
)
def test_the_wait_depends_on_the_messages_read(sizes: list[int], waits: list[float], stop: Stop) -> None:
    rate = Rate(100, stop, no_lag)
    for size in sizes:
        rate.wait(size)
    assert stop.waits == pytest.approx(waits)


def test_time_that_was_not_used_is_not_saved(stop: Stop) -> None:
    rate = Rate(100, stop, no_lag)
    rate.wait(100)
    stop.now += 60
    for _ in range(3):
        rate.wait(100)
    assert stop.waits == pytest.approx([0, 0, 1, 1])


@pytest.mark.parametrize(
    ("limit", "at_once"),
    [
        pytest.param(1, 1, id="one at least"),
        pytest.param(100, 20, id="a fifth of a second's"),
        pytest.param(7, 1, id="rounded down"),
    ],
)
def test_few_are_taken_at_once(limit: int, at_once: int, stop: Stop) -> None:
    assert Rate(limit, stop, no_lag).at_once == at_once


@pytest.mark.parametrize(
    ("lags", "looks"),
    [
        pytest.param([0], 0, id="none"),
        pytest.param([2_000], 0, id="a batch or two"),
        pytest.param([2_001, 0], 1, id="one more"),
        pytest.param([90_000, 50_000, 2_001, 1_999], 3, id="until it has gone"),
    ],
)
def test_it_gives_way_while_many_messages_wait_for_the_live_consumer(
    lags: list[int], looks: int, stop: Stop
) -> None:
    told: Iterator[int] = iter(lags)
    Rate(None, stop, lambda: next(told)).wait(1)
    assert stop.waits == [0.2] * looks
    assert next(told, None) is None


def test_pauses_for_the_live_consumer_do_not_count_as_time(stop: Stop) -> None:
    lags = iter([0, 5_000, 5_000, 5_000, 0])
    rate = Rate(100, stop, lambda: next(lags))
    rate.wait(50)
    rate.wait(50)
    assert stop.waits == pytest.approx([0, 0.2, 0.2, 0.2, 0])


def test_stop_ends_giving_way(stop: Stop) -> None:
    stop.patience = 3
    Rate(None, stop, lambda: 5_000).wait(1)
    assert stop.waits == [0.2] * 3


def test_stop_ends_the_wait_itself() -> None:
    stop = Event()
    rate = Rate(1, stop, no_lag)
    rate.wait(1_000_000)
    waiting = Thread(target=rate.wait, args=(1,), daemon=True)
    waiting.start()
    stop.set()
    waiting.join(20)
    assert not waiting.is_alive()
