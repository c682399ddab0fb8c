"""Synthetic events with the shape of the real ones, always the same for a seed; and what they come to."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import count as counting
from typing import Any, NamedTuple, TypeVar

import msgspec

from datadeling.demo import felter
from datadeling.demo.avtale import Avtale, ny_avtale, rediger
from datadeling.demo.parter import Felter, navident, ny_bedrift, ny_person
from datadeling.demo.tider import microseconds
from datadeling.demo.tilfeldig import chance, pick

REFERANSEDATO = date(2026, 8, 1)

_FIRST_NR = 10_000
_BLOCK = 400
# So many avtaler have said something and have more to say; the next message is drawn among them.
_OPEN = 300
_STATUSENDRING = 0.75
# The share of last edits that are published before what they edit.
_OUT_OF_ORDER = 0.15
# What a date that passes makes of an avtale.
_FORLOP = ("KLAR_FOR_OPPSTART", "GJENNOMFØRES", "AVSLUTTET")

T = TypeVar("T")

_encoder = msgspec.json.Encoder(decimal_format="number")


class Record(NamedTuple):
    """A Kafka record; without a value it is a tombstone."""

    key: bytes
    value: bytes | None


class HendelseGenerator:
    """Makes events about avtaler as they are on `referansedato`; reads no clock.

    The same seed and date give the same events, to the byte, every time `hendelser` is called.
    """

    def __init__(self, seed: int, referansedato: date = REFERANSEDATO) -> None:
        self._seed = seed
        self._referansedato = referansedato

    def hendelser(self, count: int) -> Iterator[Record]:
        """Exactly `count` events about some 80 % as many avtaler, mixed; an avtale's own are in order.

        In order of publishing, that is: a few edits are published in the wrong order, as the real producer
        may. No tombstones, and no values but those known today. Memory does not grow with `count`.
        """
        rng = random.Random(self._seed)  # noqa: S311 - to be foreseen is the point
        avtaler = self._avtaler(rng)
        open_: list[deque[Record]] = []
        waiting = 0
        for made in range(count):
            if waiting < count - made and len(open_) < _OPEN:
                records = deque(_records(rng, next(avtaler), min(_length(rng), count - made - waiting)))
                waiting += len(records)
                open_.append(records)
                at = -1
            else:
                at = int(rng.random() * len(open_))
            yield open_[at].popleft()
            waiting -= 1
            if not open_[at]:
                open_[at] = open_[-1]
                open_.pop()

    def _avtaler(self, rng: random.Random) -> Iterator[Avtale]:
        personer = _each_several_times(rng, lambda: ny_person(rng), _avtaler_per_person)
        bedrifter = _each_several_times(rng, lambda: ny_bedrift(rng), _avtaler_per_bedrift)
        for nr in counting(_FIRST_NR):
            yield ny_avtale(rng, nr, next(personer), next(bedrifter), self._referansedato)


def siste_tilstand(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """What is left when all events have been taken in: the newest of each avtale, decoded, by avtaleId.

    Newest is the latest `sistEndret`, cut to microseconds, and among equals the last in `records`. A
    tombstone takes the avtale away; what comes after it starts afresh. Shares no code with what it is used
    to check.
    """
    newest: dict[str, tuple[int, dict[str, Any]]] = {}
    for record in records:
        key = record.key.decode()
        if record.value is None:
            newest.pop(key, None)
            continue
        hendelse = msgspec.json.decode(record.value)
        endret = microseconds(hendelse["sistEndret"])
        if key not in newest or newest[key][0] <= endret:
            newest[key] = (endret, hendelse)
    return {key: hendelse for key, (_, hendelse) in newest.items()}


def _records(rng: random.Random, avtale: Avtale, length: int) -> list[Record]:
    """The messages about an avtale, in order of publishing."""
    messages = list(_messages(rng, avtale, length))
    edited_last = length > 1 and messages[-1]["sistEndret"] != messages[-2]["sistEndret"]
    if edited_last and chance(rng, _OUT_OF_ORDER):
        messages[-2:] = reversed(messages[-2:])
    key = avtale.felter["avtaleId"].encode()
    return [Record(key, _encoder.encode(message)) for message in messages]


def _messages(rng: random.Random, avtale: Avtale, length: int) -> Iterator[Felter]:
    for left in reversed(range(length)):
        first = left == length - 1
        felt = avtale.felter
        if chance(rng, _STATUSENDRING):
            hendelse, innhold_type, rolle, hvem = "STATUSENDRING", "INNGÅ", "SYSTEM", "SYSTEM"
        else:
            hendelse, innhold_type, new_version = pick(rng, felter.ENDRINGER)
            rolle, hvem = pick(rng, felter.ROLLER), navident(rng)
            if not first:
                rediger(rng, avtale, innhold_type)
                felt["versjon"] += new_version
        yield {
            "hendelseType": hendelse,
            "innholdType": innhold_type,
            "utførtAv": hvem,
            "utførtAvRolle": rolle,
            **felt,
            "avtaleStatus": _status_before(avtale.status, left),
        }


def _status_before(status: str, steps: int) -> str:
    """The status so many messages before it was `status`."""
    if status not in _FORLOP:
        return status
    return _FORLOP[max(0, _FORLOP.index(status) - steps)]


def _length(rng: random.Random) -> int:
    """How many messages there are about an avtale: 1.25 on average."""
    return 1 + min(5, int(rng.expovariate(1.61)))


def _avtaler_per_person(rng: random.Random) -> int:
    """1 or 2 for most, up to 30 for a few."""
    return min(int(rng.paretovariate(1.9)), 30)


def _avtaler_per_bedrift(rng: random.Random) -> int:
    """A handful for most, hundreds for a few."""
    return min(int(rng.paretovariate(1.15)), 600)


def _each_several_times(
    rng: random.Random, make: Callable[[], T], times: Callable[[random.Random], int]
) -> Iterator[T]:
    """Without end, each made so many times, well mixed among the others of its block."""
    while True:
        block = [thing for thing in (make() for _ in range(_BLOCK)) for _ in range(times(rng))]
        rng.shuffle(block)
        yield from block
