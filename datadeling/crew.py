"""Requests that one thread answers in turns, so that what they have in common is done once: adr/0026.

Threads wait for the interpreter's lock, and the more of them have work, the longer; members of a crew wait
for nobody. In exchange they stand still while one of them works. So a member that is about to wait says so:
it comes to a `meeting` when the others may want the same, and else it will `step_aside`.

Do neither while holding a lock that another member may ask for: it would never get it. Where there is no
crew, as in all commands and most tests, a meeting is of one, and stepping aside does nothing.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

_Item = TypeVar("_Item")
_Settle = Callable[[Sequence[Any]], None]


class _Member(greenlet):
    crew: "Crew"
    is_last = False  # to be interrupted: whoever is left needs nobody's consideration


class Crew:
    """The members of one thread. Tasks raise nothing.

    `start` them, then `settle`, then `finish`: then all have ended. Each of the three returns as soon as no
    member can go on without the next.
    """

    def __init__(self) -> None:
        self._gathered: defaultdict[_Settle, list[tuple[_Member, object]]] = defaultdict(list)
        self._aside: deque[_Member] = deque()
        self._left: defaultdict[_Settle, list[object]] = defaultdict(list)

    def has_aside(self) -> bool:
        """Whether a member has stepped aside, which is about to take its time."""
        return bool(self._aside)

    def start(self, task: Callable[[], None]) -> None:
        """Let another member begin."""
        member = _Member(task)
        member.crew = self
        self._go_on(member)

    def settle(self) -> None:
        """Hold the meetings that members wait for, and let these go on, until none waits for one."""
        while self._gathered:
            meetings = self._gathered
            self._gathered = defaultdict(list)
            for settle, waiting in meetings.items():
                settle([item for _, item in waiting])
                for member, _ in waiting:
                    self._go_on(member)
        self._do_what_is_left()

    def finish(self) -> None:
        """Let those who have stepped aside end, one after the other. May block for as long as they do."""
        while self._aside:
            member = self._aside.popleft()
            member.is_last = True
            member.switch()
        self._do_what_is_left()

    def leave(self, settle: _Settle, item: object) -> None:
        """Have something done when `settle` or `finish` ends: see `afterwards`."""
        self._left[settle].append(item)

    def _do_what_is_left(self) -> None:
        left, self._left = self._left, defaultdict(list)
        for settle, items in left.items():
            settle(items)

    def _go_on(self, member: _Member) -> None:
        wish = member.switch()
        if member.dead:
            return
        if wish is None:
            self._aside.append(member)
        else:
            settle, item = wish
            self._gathered[settle].append((member, item))


def meeting(settle: Callable[[Sequence[_Item]], None], item: _Item) -> None:
    """Return when `settle` has been called with the items of all members that have come to it; this is one.

    `settle` leaves in each item what has come of it, and raises nothing.
    """
    member = getcurrent()
    if isinstance(member, _Member) and not member.is_last:
        _leave(member, (settle, item))
    else:
        settle([item])


def step_aside() -> None:
    """Let the others of the crew go first, and another thread take what comes: the caller may then block."""
    member = getcurrent()
    if isinstance(member, _Member) and not member.is_last:
        _leave(member, None)


def afterwards(settle: Callable[[Sequence[_Item]], None], item: _Item) -> None:
    """Have `settle` called with the items of all members that have come to this, when they are answered.

    At once where there is no crew. `settle` is quick, and raises nothing.
    """
    member = getcurrent()
    if isinstance(member, _Member):
        member.crew.leave(settle, item)
    else:
        settle([item])


def _leave(member: _Member, wish: tuple[_Settle, object] | None) -> None:
    assert member.parent is not None  # noqa: S101 (it has been started by a thread)
    member.parent.switch(wish)
