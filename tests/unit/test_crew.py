"""Members of a crew: what they have in common is done once, and who is slow goes last."""

from collections.abc import Callable, Sequence
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.crew import Crew, afterwards, meeting, step_aside


class Kitchen:
    """What is done, in order. A meeting doubles the numbers that are brought to it."""

    def __init__(self) -> None:
        self.done: list[object] = []

    def double(self, items: Sequence[list[int]]) -> None:
        self.done.append([number for (number,) in items])
        for item in items:
            item.append(2 * item[0])

    def ask(self, number: int) -> int:
        item = [number]
        meeting(self.double, item)
        return item[1]


@pytest.fixture
def kitchen() -> Kitchen:
    return Kitchen()


def _work(*tasks: Callable[[], None]) -> None:
    crew = Crew()
    for task in tasks:
        crew.start(task)
    crew.settle()
    crew.finish()


def test_what_all_come_to_is_done_once_and_each_goes_on_with_its_own(kitchen: Kitchen) -> None:
    def member(number: int) -> Callable[[], None]:
        return lambda: kitchen.done.append((number, kitchen.ask(number)))

    _work(member(1), member(2), member(3))
    assert kitchen.done == [[1, 2, 3], (1, 2), (2, 4), (3, 6)]


def test_different_meetings_are_held_apart(kitchen: Kitchen) -> None:
    other = Kitchen()
    _work(lambda: kitchen.done.append(kitchen.ask(1)), lambda: other.done.append(other.ask(2)))
    assert (kitchen.done, other.done) == ([[1], 2], [[2], 4])


def test_one_may_come_to_several(kitchen: Kitchen) -> None:
    def twice() -> None:
        kitchen.done.append(kitchen.ask(kitchen.ask(1)))

    _work(twice, twice)
    assert kitchen.done == [[1, 1], [2, 2], 4, 4]


def test_who_steps_aside_goes_on_when_the_others_have_ended(kitchen: Kitchen) -> None:
    def slow() -> None:
        kitchen.done.append("slow begins")
        step_aside()
        kitchen.done.append("slow ends")

    crew = Crew()
    crew.start(lambda: kitchen.done.append(kitchen.ask(1)))
    assert not crew.has_aside()
    crew.start(slow)
    assert crew.has_aside()
    crew.start(lambda: kitchen.done.append(kitchen.ask(2)))
    crew.settle()
    assert kitchen.done == ["slow begins", [1, 2], 2, 4]
    crew.finish()
    assert kitchen.done[4:] == ["slow ends"]
    assert not crew.has_aside()


def test_who_has_stepped_aside_is_not_interrupted_any_more(kitchen: Kitchen) -> None:
    """It may hold a lock by then, that the next would wait for."""

    def slow(name: str, number: int) -> Callable[[], None]:
        def task() -> None:
            step_aside()
            kitchen.done.append(f"{name} begins")
            step_aside()
            kitchen.done.append(f"{name} has {kitchen.ask(number)}")

        return task

    _work(slow("first", 1), slow("second", 2))
    assert kitchen.done == ["first begins", [1], "first has 2", "second begins", [2], "second has 4"]


def test_what_is_to_be_done_afterwards_is_done_once_for_all(kitchen: Kitchen) -> None:
    def member(number: int) -> Callable[[], None]:
        def task() -> None:
            afterwards(kitchen.done.append, number)
            kitchen.done.append(kitchen.ask(number))

        return task

    _work(member(1), member(2))
    assert kitchen.done == [[1, 2], 2, 4, [1, 2]]


def test_what_is_to_be_done_afterwards_does_not_wait_for_who_is_slow(kitchen: Kitchen) -> None:
    def slow() -> None:
        step_aside()
        kitchen.done.append("slow ends")
        afterwards(kitchen.done.append, "slow")

    crew = Crew()
    crew.start(slow)
    crew.start(lambda: afterwards(kitchen.done.append, "quick"))
    crew.settle()
    assert kitchen.done == [["quick"]]
    crew.finish()
    assert kitchen.done == [["quick"], "slow ends", ["slow"]]


def test_where_there_is_no_crew_afterwards_is_now(kitchen: Kitchen) -> None:
    afterwards(kitchen.done.append, 1)
    assert kitchen.done == [[1]]


def test_where_there_is_no_crew_a_meeting_is_of_one(kitchen: Kitchen) -> None:
    step_aside()
    assert kitchen.ask(1) == 2
    assert kitchen.done == [[1]]


def test_a_thread_that_a_member_starts_is_no_member(kitchen: Kitchen) -> None:
    def member() -> None:
        thread = Thread(target=lambda: kitchen.done.append(kitchen.ask(1)))
        thread.start()
        thread.join()

    _work(member)
    assert kitchen.done == [[1], 2]


@given(st.lists(st.lists(st.sampled_from(["meet", "aside"]), max_size=4), max_size=6))
def test_all_end_whatever_they_do(scripts: list[list[str]]) -> None:
    kitchen, ended = Kitchen(), list[int]()

    def member(number: int) -> Callable[[], None]:
        def task() -> None:
            for step in scripts[number]:
                if step == "meet":
                    assert kitchen.ask(number) == 2 * number
                else:
                    step_aside()
            ended.append(number)

        return task

    _work(*(member(number) for number in range(len(scripts))))
    assert sorted(ended) == list(range(len(scripts)))
    met = sorted(number for items in kitchen.done if isinstance(items, list) for number in items)
    assert met == sorted(number for number, script in enumerate(scripts) for step in script if step == "meet")
