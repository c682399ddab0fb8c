"""Goes through a whole table in the order of its ids, and hands many things on in parts."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

_LAST = 2**128 - 1

_Row = TypeVar("_Row", bound=tuple[Any, ...])
_T = TypeVar("_T")


def pages(fetch: Callable[[str, int], Sequence[_Row]], size: int) -> Iterator[Sequence[_Row]]:
    """What `fetch` gives from an id on, so many at a time, to the end. Its rows begin with their id."""
    start = 0
    while start <= _LAST:
        page = fetch(str(UUID(int=start)), size)
        yield page
        if len(page) < size:
            return
        start = UUID(page[-1][0]).int + 1


def parts(things: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """All of them in their order, so many at a time."""
    rest = iter(things)
    while part := list(islice(rest, size)):
        yield part
