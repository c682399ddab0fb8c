"""Logs of two partitions, and plans of acts beside their consumption, for the property of any order."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from datadeling.pipeline.partitioner import partition_of
from tests.hendelser import EPOCH, avtale_id, encoded, hendelse
from tests.integration.plain import Kind, Line

REFUSED = "666666666"
NUMBERS = (1, 2, 3, 4)
PARTITIONS = {avtale_id(n): partition_of(avtale_id(n).encode(), 2) for n in NUMBERS}

_STATES = ("PÅBEGYNT", "GJENNOMFØRES", "AVSLUTTET")
_BROKEN = (b"{", b"", b"\xff", b"[]", b'{"avtaleId": ', b"[" * 2_000)
_NOBODY = (None, b"", b"nobody", b"\xff", avtale_id(1).upper().encode() + b"\0")
_KINDS: tuple[Kind, ...] = ("version",) * 4 + ("refused", "tombstone", "broken", "stray")
_CLOSE: tuple[Kind, ...] = ("version",) * 3 + ("refused",) * 2 + ("tombstone", "broken")


class Live(NamedTuple):
    """Write the next messages of these partitions, `size` at most."""

    partitions: tuple[int, ...]
    size: int


class Rewrites(NamedTuple):
    """Write part of the log again, from its message `first` up to `last`."""

    first: int
    last: int


class Retries(NamedTuple):
    partition: int
    states: tuple[str, ...]


class Erases(NamedTuple):
    avtale: str


Act = Live | Rewrites | Retries | Erases


class Kill(NamedTuple):
    """Terminate the backend before an exchange with it."""

    exchange: int


class LostAnswer(NamedTuple):
    """Lose the response to a commit."""

    commit: int


class Interleaved(NamedTuple):
    """Let the other actor act after some exchanges of a transaction."""

    exchange: int
    act: Act


class Step(NamedTuple):
    """An act of one of two actors, maybe with a failure. With `mend`, the database first stops refusing."""

    actor: int
    act: Act
    event: Kill | LostAnswer | Interleaved | None
    mend: bool = False


@st.composite
def logs(
    draw: st.DrawFn,
    max_size: int,
    *,
    min_size: int = 0,
    numbers: Sequence[int] = NUMBERS,
    kinds: Sequence[Kind] = _KINDS,
) -> list[Line]:
    """Generate logs with duplicates, equal and backward edit times, tombstones, holes and bad messages."""
    offsets = dict.fromkeys(PARTITIONS.values(), -1)
    lines: list[Line] = []
    for _ in range(draw(st.integers(min_size, max_size))):
        line = draw(_lines(draw(st.sampled_from(kinds)), draw(st.sampled_from(numbers))))
        offsets[line.partition] += draw(st.integers(1, 2))  # compaction leaves holes
        lines.append(line._replace(offset=offsets[line.partition]))
    return lines


@st.composite
def _lines(draw: st.DrawFn, kind: Kind, number: int) -> Line:
    avtale = avtale_id(number)
    partition, key = PARTITIONS[avtale], avtale.encode()
    time = EPOCH + timedelta(minutes=draw(st.integers(0, 5)))  # may run backwards
    line = Line(kind, avtale, partition, 0, time, key, None)
    match kind:
        case "tombstone":
            return line
        case "broken":
            return line._replace(value=draw(st.sampled_from(_BROKEN)))
        case "stray":
            return draw(_strays(line, number))
    return version(line, number, draw(st.integers(0, 3)), draw(st.sampled_from(_STATES)))


def version(line: Line, number: int, edited: int, state: str) -> Line:
    """Return the line with this version of the avtale."""
    bedrift = REFUSED if line.kind == "refused" else "999999999"
    value = hendelse(number, avtaleStatus=state, bedriftNr=bedrift, sistEndret=f"2022-02-04T08:46:0{edited}Z")
    return line._replace(value=encoded(value), content=(edited, f"{state} {bedrift}"))


@st.composite
def _strays(draw: st.DrawFn, line: Line, number: int) -> Line:
    """Generate a message with another avtale's key, or with an invalid key."""
    other = encoded(hendelse(draw(st.sampled_from([n for n in NUMBERS if n != number]))))
    if draw(st.booleans()):
        return line._replace(value=other)
    key, value = draw(st.sampled_from(_NOBODY)), draw(st.sampled_from((other, None, *_BROKEN)))
    return line._replace(key=key, value=value, partition=draw(st.sampled_from((0, 1))))


def acts(log: list[Line]) -> st.SearchStrategy[Act]:
    """Generate an act, half of the time one of the live consumer."""
    index = st.integers(0, len(log))
    live = st.builds(Live, st.sampled_from(((0, 1), (0, 1), (0,), (1,))), st.integers(1, 6))
    return st.one_of(
        live,
        live,
        live,
        st.builds(Rewrites, index, index),
        st.builds(Retries, st.sampled_from((0, 1)), st.sampled_from((("new",), ("new", "superseded")))),
        st.builds(Erases, st.sampled_from(tuple(PARTITIONS))),
    )


def steps(log: list[Line], max_size: int) -> st.SearchStrategy[list[Step]]:
    exchange = st.integers(0, 25)
    event = st.one_of(
        st.none(),
        st.builds(Kill, exchange),
        st.builds(LostAnswer, st.integers(0, 3)),
        st.builds(Interleaved, exchange, acts(log)),
        st.builds(Interleaved, exchange, acts(log)),
    )
    mend = st.integers(0, 7).map(lambda number: number == 7)
    return st.lists(st.builds(Step, st.sampled_from((0, 1)), acts(log), event, mend), max_size=max_size)


@st.composite
def collisions(draw: st.DrawFn) -> tuple[list[Line], list[Step]]:
    """Generate a log of one avtale, and two concurrent acts in the middle of it."""
    log = draw(logs(8, min_size=3, numbers=NUMBERS[:1], kinds=_CLOSE))
    handled = draw(st.integers(1, len(log) - 1))
    live = Live((0, 1), draw(st.integers(1, 3)))
    erase, rewrite = Erases(avtale_id(NUMBERS[0])), Rewrites(0, len(log))
    retry = Retries(0, ("new", "superseded"))
    pairs: list[tuple[Act, Act]] = [
        (live, erase),
        (live, retry),
        (live, rewrite),
        (retry, erase),
        (rewrite, erase),
    ]
    first, second = draw(st.sampled_from(pairs).flatmap(st.permutations))
    interleaved = Interleaved(draw(st.integers(1, 12)), second)
    return log, [
        Step(0, Live((0, 1), handled), None),
        Step(1, Live((0, 1), 1), None),  # has to look where the partitions stand
        Step(draw(st.sampled_from((0, 1))), first, interleaved, mend=draw(st.booleans())),
    ]
