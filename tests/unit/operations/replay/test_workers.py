"""Several things side by side: all of them, not too many at once, and none after a fault."""

from collections.abc import Callable
from threading import Barrier, Event, Lock

import pytest

from datadeling.operations.replay.workers import side_by_side

_LONG = 20.0  # seconds, for what never takes them


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datadeling.operations.replay.workers._LOOK", 0.005)


def look() -> None:
    pass


def noting(done: list[int], number: int) -> Callable[[], None]:
    return lambda: done.append(number)


@pytest.mark.parametrize("workers", [1, 2, 5, 64])
def test_all_of_them_are_done(workers: int) -> None:
    done: list[int] = []
    stop = Event()
    side_by_side([noting(done, n) for n in range(20)], workers, stop, look)
    assert sorted(done) == list(range(20))
    assert not stop.is_set()


def test_nothing_to_do_is_done() -> None:
    side_by_side([], 3, Event(), look)


def test_one_worker_keeps_the_order() -> None:
    done: list[int] = []
    side_by_side([noting(done, n) for n in range(20)], 1, Event(), look)
    assert done == list(range(20))


@pytest.mark.parametrize("workers", [1, 3])
def test_as_many_are_done_at_once_as_there_are_workers_and_no_more(workers: int) -> None:
    together, lock = Barrier(workers), Lock()
    running: list[int] = [0]
    most: list[int] = []

    def deed() -> None:
        with lock:
            running[0] += 1
            most.append(running[0])
        together.wait(_LONG)
        with lock:
            running[0] -= 1
        together.wait(_LONG)

    side_by_side([deed] * workers * 4, workers, Event(), look)
    assert max(most) == workers


def test_a_fault_is_raised_and_what_has_not_begun_is_left() -> None:
    done: list[int] = []
    stop = Event()

    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        side_by_side([noting(done, 1), fail, noting(done, 2)], 1, stop, look)
    assert stop.is_set()
    assert done == [1]


def test_the_first_fault_is_raised_after_the_others_have_ended() -> None:
    begun, stop = Event(), Event()
    ended: list[str] = []

    def other() -> None:
        begun.set()
        assert stop.wait(_LONG)
        ended.append("other")
        raise KeyError("second")

    def fail() -> None:
        assert begun.wait(_LONG)
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        side_by_side([other, fail], 2, stop, look)
    assert ended == ["other"]


def test_somebody_looks_on_meanwhile() -> None:
    looked = Event()

    def deed() -> None:
        assert looked.wait(_LONG)

    side_by_side([deed], 1, Event(), looked.set)


def test_nothing_is_begun_after_stop() -> None:
    done: list[int] = []
    stop = Event()
    stop.set()
    side_by_side([noting(done, 1)], 2, stop, look)
    assert done == []


def test_a_fault_of_who_looks_on_leaves_nobody_at_work() -> None:
    stop = Event()
    ended: list[bool] = []

    def deed() -> None:
        ended.append(stop.wait(_LONG))

    def look_away() -> None:
        raise ValueError("cannot look")

    with pytest.raises(ValueError, match="cannot look"):
        side_by_side([deed, deed], 2, stop, look_away)
    assert ended == [True, True]
