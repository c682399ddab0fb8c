"""Whose turn it is among threads."""

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

import pytest

from datadeling.api.turns import Turn, Turns


@pytest.fixture
def turns() -> Turns:
    return Turns()


@pytest.fixture
def taken(turns: Turns) -> Callable[[], SimpleQueue[Turn]]:
    """Have another thread wait for its turn, which is in the queue once it has it."""

    def take() -> SimpleQueue[Turn]:
        queue = SimpleQueue[Turn]()
        Thread(target=lambda: queue.put(turns.take()), daemon=True).start()
        return queue

    return take


def test_the_next_has_its_turn_when_this_one_is_over(
    turns: Turns, taken: Callable[[], SimpleQueue[Turn]]
) -> None:
    turn = turns.take()
    following = taken()
    assert not turn.is_over()
    with pytest.raises(Empty):
        following.get(block=False)
    turn.pass_on()
    assert turn.is_over()
    assert not following.get(timeout=30).is_over()


def test_a_turn_ends_once(turns: Turns, taken: Callable[[], SimpleQueue[Turn]]) -> None:
    turn = turns.take()
    turn.pass_on()
    second = taken().get(timeout=30)
    turn.pass_on()
    assert not second.is_over()
    third = taken()
    with pytest.raises(Empty):
        third.get(block=False)
    second.pass_on()
    assert not third.get(timeout=30).is_over()


def test_only_who_has_been_at_work_for_long_is_relieved(turns: Turns) -> None:
    turns.relieve(since=100)
    turn = turns.take()
    turns.relieve(since=100)  # it waits for work
    assert not turn.is_over()
    turn.busy_since = 100
    turns.relieve(since=100)
    assert not turn.is_over()
    turns.relieve(since=100.1)
    assert turn.is_over()
    turns.relieve(since=100.2)
    assert not turns.take().is_over()
