"""Synthetic events with the shape of the real ones, always the same for a seed; and the state after them."""

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import count as counting
from typing import Any, NamedTuple

import msgspec

from datadeling.demo.synthetic.avtale import Avtale, Felter, ny_avtale, rediger
from datadeling.demo.synthetic.draws import chance, digits, navident, pick, syntetisk_fnr

REFERANSEDATO = date(2026, 8, 1)

_FIRST_NR = 10_000
_BLOCK = 400
# So many avtaler have had a message and will have more; the next message is drawn among them.
_OPEN = 300
_STATUSENDRING = 0.75
# The share of last edits that are published before what they edit.
_OUT_OF_ORDER = 0.15
# The statuses that follow one another as dates pass.
_FORLOP = ("KLAR_FOR_OPPSTART", "GJENNOMFØRES", "AVSLUTTET")
# An edit: hendelseType, innholdType, and whether it makes a new version.
_ENDRINGER = (
    ("ENDRET", "INNGÅ", False),
    ("ENDRET_AV_ARENA", "ENDRET_AV_ARENA", False),
    ("AVTALE_FORLENGET", "FORLENGE", True),
    ("AVTALE_FORKORTET", "FORKORTE", True),
    ("STILLINGSBESKRIVELSE_ENDRET", "ENDRE_STILLING", True),
    ("KONTAKTINFORMASJON_ENDRET", "ENDRE_KONTAKTINFO", True),
    ("GODKJENT_AV_ARBEIDSGIVER", "INNGÅ", False),
)
_ROLLER = ("VEILEDER", "VEILEDER", "ARBEIDSGIVER", "BESLUTTER", "DELTAKER", "MENTOR")

_encoder = msgspec.json.Encoder(decimal_format="number")


class Record(NamedTuple):
    """A Kafka record; without a value it is a tombstone."""

    key: bytes
    value: bytes | None


class HendelseGenerator:
    """Generates events about avtaler as they are on `referansedato`; reads no clock.

    The same seed and date give the same events, to the byte, every time `hendelser` is called.
    """

    def __init__(self, seed: int, referansedato: date = REFERANSEDATO) -> None:
        self._seed = seed
        self._referansedato = referansedato

    def hendelser(self, count: int) -> Iterator[Record]:
        """Generate exactly `count` events about some 80 % as many avtaler, in order of publishing.

        A few edits are published in the wrong order, as the real producer may. There are no tombstones and
        no unknown values. Memory does not grow with `count`.
        """
        rng = random.Random(self._seed)  # noqa: S311 - repeatable on purpose
        avtaler = self._avtaler(rng)
        open_: list[deque[Record]] = []
        waiting = 0
        for done in range(count):
            if waiting < count - done and len(open_) < _OPEN:
                records = deque(_records(rng, next(avtaler), min(_length(rng), count - done - waiting)))
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
        # 1 or 2 avtaler for most persons, up to 30 for a few; a handful or hundreds for employers.
        # Numbers of synthetic employers begin with 3.
        personer = _each_several_times(
            rng, lambda: syntetisk_fnr(rng), lambda: min(int(rng.paretovariate(1.9)), 30)
        )
        bedrifter = _each_several_times(
            rng,
            lambda: f"3{digits(rng, 8)}",
            lambda: min(int(rng.paretovariate(1.15)), 600),
        )
        for nr in counting(_FIRST_NR):
            yield ny_avtale(rng, nr, next(personer), next(bedrifter), self._referansedato)


def siste_tilstand(records: Iterable[Record]) -> dict[str, dict[str, Any]]:
    """Return the newest event of each avtale, decoded, by avtaleId.

    Newest is the latest `sistEndret`, cut to microseconds, and among equals the last in `records`. A
    tombstone removes the avtale; events after it start afresh. Shares no code with the package.
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


def microseconds(text: str) -> int:
    """Return the microseconds since 1970 of an instant with `Z`; finer digits are cut off, not rounded."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp()
    return int(seconds) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def _records(rng: random.Random, avtale: Avtale, length: int) -> list[Record]:
    """Return the messages about an avtale, in order of publishing."""
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
            hendelse, innhold_type, new_version = pick(rng, _ENDRINGER)
            rolle, hvem = pick(rng, _ROLLER), navident(rng)
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
    """Return the status so many messages before it became `status`."""
    if status not in _FORLOP:
        return status
    return _FORLOP[max(0, _FORLOP.index(status) - steps)]


def _length(rng: random.Random) -> int:
    """Return the number of messages about an avtale: 1.25 on average."""
    return 1 + min(5, int(rng.expovariate(1.61)))


def _each_several_times(
    rng: random.Random, create: Callable[[], str], times: Callable[[], int]
) -> Iterator[str]:
    """Generate values without end, each so many times, well mixed among the others of its block."""
    while True:
        block = [value for value in (create() for _ in range(_BLOCK)) for _ in range(times())]
        rng.shuffle(block)
        yield from block
