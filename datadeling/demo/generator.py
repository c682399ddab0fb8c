"""Synthetic events with the shape of the real ones, always the same for a seed; and the state after them."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import count as counting
from typing import Any, NamedTuple

import msgspec

from datadeling.demo.avtale import bedrift_nr, meldinger, syntetisk_fnr

REFERANSEDATO = date(2026, 8, 1)

_BLOCK = 400
# The share of last edits that are published before what they edit.
_OUT_OF_ORDER = 0.15

_encoder = msgspec.json.Encoder(decimal_format="number")


class Record(NamedTuple):
    """A Kafka record; without a value it is a tombstone."""

    key: bytes
    value: bytes | None


def generate_events(count: int, seed: int, today: date = REFERANSEDATO) -> Iterator[Record]:
    """Generate `count` events about some 80 % as many avtaler as they are on the day, in order of publishing.

    The same arguments give the same events, to the byte. A few edits are published in the wrong order, as the
    real producer may. There are no tombstones and no unknown values. Memory does not grow with `count`.
    """
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    # 1 or 2 avtaler for most persons, up to 30 for a few; a handful or hundreds for employers.
    personer = _each_several_times(rng, syntetisk_fnr, 1.9, 30)
    bedrifter = _each_several_times(rng, bedrift_nr, 1.15, 600)
    numbers = counting(10_000)
    while count:
        size = min(count, _BLOCK)
        turns: list[deque[Record]] = []
        while len(turns) < size:
            length = min(1 + min(5, int(rng.expovariate(1.61))), size - len(turns))
            about = meldinger(rng, next(numbers), next(personer), next(bedrifter), today, length)
            turns += [deque(_published(rng, list(about)))] * length
        rng.shuffle(turns)
        for records in turns:
            yield records.popleft()
        count -= size


def siste_tilstand(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Return the newest event of each avtale, decoded, by avtaleId.

    Newest is the latest `sistEndret`, cut to microseconds, and among equals the last in `records`. A
    tombstone removes the avtale; events after it start afresh. Shares no code with the package.
    """
    newest: dict[str, dict[str, Any]] = {}
    for record in records:
        key = record.key.decode()
        if record.value is None:
            newest.pop(key, None)
            continue
        hendelse = msgspec.json.decode(record.value)
        before = newest.get(key, hendelse)
        if instant_key(before["sistEndret"]) <= instant_key(hendelse["sistEndret"]):
            newest[key] = hendelse
    return newest


def instant_key(text: str) -> tuple[str, str]:
    """Return a key that sorts instants with `Z` by time; finer digits than microseconds are cut off."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return whole, fraction[:6].ljust(6, "0")


def _published(rng: random.Random, messages: list[dict[str, Any]]) -> Iterator[Record]:
    edited_last = len(messages) > 1 and messages[-1]["sistEndret"] != messages[-2]["sistEndret"]
    if edited_last and rng.random() < _OUT_OF_ORDER:
        messages[-2:] = reversed(messages[-2:])
    for message in messages:
        yield Record(message["avtaleId"].encode(), _encoder.encode(message))


def _each_several_times(
    rng: random.Random, create: Callable[[random.Random], str], alpha: float, most: int
) -> Iterator[str]:
    """Generate values without end, each up to `most` times, well mixed among the others of its block."""
    while True:
        values = [create(rng) for _ in range(_BLOCK)]
        block = [value for value in values for _ in range(min(int(rng.paretovariate(alpha)), most))]
        rng.shuffle(block)
        yield from block
