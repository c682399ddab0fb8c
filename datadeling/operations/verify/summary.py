"""The expected state of every avtale according to the topic, in some 200 bytes each. Pure.

The rules are those of `pipeline.fold`, in a form that never holds a whole message; a property test holds the
two together. A version is kept as a fingerprint: its order and place as they are, its shared fields hashed.
Hashes differ from process to process: never store or send them.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from struct import Struct
from typing import Literal
from uuid import UUID

from datadeling.domain.avtale import Avtale
from datadeling.domain.felt import FELTER
from datadeling.domain.hendelse import Place, Position, Sletting
from datadeling.pipeline.message import Ended, Message, Unreadable, avtale_id_in, avtale_id_of, generation_at
from datadeling.pipeline.partitioner import partition_of
from datadeling.pipeline.transform import read

Category = Literal[
    "equal", "missing", "different", "surplus", "in_flight", "topic_older", "parked", "beyond_log"
]

MEANINGS: Mapping[Category, str] = {
    "equal": "the row is what the topic says",
    "missing": "on the topic, and no row",
    "different": "the row is not what its newest message says",
    "surplus": "a row, and no message on the topic: a tombstone was lost",
    "in_flight": "has messages that the consumer had not handled yet",
    "topic_older": "the row is right; the topic has kept an older message, and cannot mend the row",
    "parked": "the newest message could not be used; the row is the last one that could, if there was one",
    "beyond_log": "its message is older than what the topic keeps: nobody can tell",
}
"""Every category, in the order they are shown."""

FAULTS: tuple[Category, ...] = ("missing", "different", "surplus")
"""Categories that somebody has to act on."""

UNKNOWN = "unknown"
"""Name of the difference when the whole differs and the small hashes of all columns happen to be equal."""

_COLUMNS = tuple(felt.column for felt in FELTER)
_values = attrgetter(*_COLUMNS)

# Big-endian, and nothing negative before the hashes: so bytes compare as the numbers do.
_VERSION = Struct(f">QIQIq{len(_COLUMNS)}H")
_ORDER = slice(0, 20)  # endret_tidspunkt, generation, offset
_PLACE, _PLACE_AT = Struct(">IQI"), 8  # generation, offset, partition
_STATE = slice(24, 32)
_COLUMN_HASHES = 5  # where they begin, once unpacked
_SMALL = 65_521  # a prime: with a power of two, 50 and 50.5 would have the same hash

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Summary:
    """The topic up to the live consumer's `positions`; messages beyond are in flight.

    Take the messages of one avtale in the order of the log. Keys are the 16 bytes of the avtaleId. `ended`:
    the generations that have ended. `versions`: the fingerprint of the newest version that counts.
    `tombstones`: the place of the last one, on the topic or of a marker; nothing up to there counts.
    `unreadable`: the place of the last unreadable message that counts. `in_flight`: avtaler with messages
    that the live consumer had not handled. `lows`: low watermarks, without partitions that the broker lacks.
    """

    def __init__(
        self, positions: Mapping[int, Position], ended: Ended, markers: Iterable[tuple[str, Place]] = ()
    ) -> None:
        self.positions = positions
        self.ended = ended
        self.lows: Mapping[int, int] = {}
        self.versions: dict[bytes, bytes] = {}
        self.tombstones = {key_of(avtale_id): place for avtale_id, place in markers}
        self.unreadable: dict[bytes, Place] = {}
        self.in_flight: set[bytes] = set()
        self.messages = 0
        self.messages_unreadable = 0

    def take(self, message: Message) -> None:
        """Count one message."""
        self.messages += 1
        at = self.positions.get(message.partition)
        if at is None or message.offset >= at.next_offset:
            if avtale_id := avtale_id_in(message.key):
                self.in_flight.add(key_of(avtale_id))
            return
        generation = generation_at(message.partition, message.offset, at.generation, self.ended)
        decoded = read(message, generation, message.timestamp)
        self.messages_unreadable += isinstance(decoded, Unreadable)
        key = key_of(avtale_id_of(decoded))  # empty when the message does not reveal it
        if not key or self.is_erased(key, decoded.place):
            return
        match decoded:
            case Avtale():
                version, newest = fingerprint(decoded), self.versions.get(key)
                if newest is None or not is_newer(newest, version):
                    self.versions[key] = version
            case Sletting():
                self.tombstones[key] = decoded.place
                if (newest := self.versions.get(key)) and self.is_erased(key, place_of(newest)):
                    del self.versions[key]
                if (unreadable := self.unreadable.get(key)) and self.is_erased(key, unreadable):
                    del self.unreadable[key]
            case Unreadable():
                self.unreadable[key] = decoded.place

    def is_erased(self, key: bytes, place: Place) -> bool:
        """Return True when a tombstone stands at or after this place."""
        tombstone = self.tombstones.get(key)
        return tombstone is not None and not place.is_after(tombstone)

    def judge(self, row: Avtale) -> Category:
        """Return the category of a row."""
        key, place = key_of(row.avtale_id), row.place
        at = self.positions.get(place.partition)
        is_ahead = at is None or (place.generation, place.offset) >= (at.generation, at.next_offset)
        if is_ahead or key in self.in_flight:
            return "in_flight"
        expected, is_erased = self.versions.get(key), self.is_erased(key, place)
        if expected is None:
            if not is_erased and (unreadable := self.unreadable.get(key)) and unreadable.is_after(place):
                return "parked"
            return "beyond_log" if not is_erased and self._has_dropped(place) else "surplus"
        version = fingerprint(row)
        if place_of(expected) == place:
            return "equal" if version[_STATE] == expected[_STATE] else "different"
        # A row that a tombstone should have taken is wrong however new it is.
        return "topic_older" if is_newer(version, expected) and not is_erased else "different"

    def differing(self, row: Avtale) -> tuple[str, ...]:
        """Return the columns in which a row differs from the newest version on the topic."""
        return differing(fingerprint(row), self.versions[key_of(row.avtale_id)])

    def marker_of(self, row: Avtale) -> Place:
        """Return the place for the marker of a surplus row: messages that came after it count.

        It is the tombstone's, or the last that the consumer had handled on the avtale's partition.
        """
        key, partition = key_of(row.avtale_id), row.kafka_partition
        if self.is_erased(key, row.place):
            return self.tombstones[key]
        generation = max(at.generation for at in self.positions.values())
        if row.generation != generation:  # partitions may have been added since
            partition = partition_of(row.avtale_id.encode(), len(self.lows))
        at = self.positions.get(partition)
        return Place(generation, partition, at.next_offset - 1 if at else -1)

    def _has_dropped(self, place: Place) -> bool:
        """Return True when retention has, or may have, removed the message at this place.

        When the offsets of its generation have lost their meaning, it may be gone if any partition has lost
        messages.
        """
        low, at = self.lows.get(place.partition), self.positions[place.partition]
        generations = {at.generation, *(number for number, _ in self.ended.get(place.partition, ()))}
        if low is not None and place.generation in generations:
            return place.offset < low
        return any(low > 0 for low in self.lows.values())


def key_of(avtale_id: str) -> bytes:
    """Return the 16 bytes of an avtaleId."""
    return bytes.fromhex(avtale_id.replace("-", ""))


def id_of(key: bytes) -> str:
    """Return the avtaleId of these 16 bytes."""
    return str(UUID(bytes=key))


def fingerprint(avtale: Avtale) -> bytes:
    """Return the order, the place, a hash of the shared state, and a small hash of each shared column."""
    pairs = zip(_COLUMNS, _values(avtale), strict=True)
    # -1 and -2 have the same hash in Python.
    hashes = [hash((column, "-1" if value == -1 else value)) for column, value in pairs]
    return _VERSION.pack(
        (avtale.endret_tidspunkt - _BEGINNING) // _MICROSECOND,
        avtale.generation,
        avtale.kafka_offset,
        avtale.kafka_partition,
        hash(tuple(hashes)),
        *(number % _SMALL for number in hashes),
    )


def place_of(version: bytes) -> Place:
    """Return the place of a version's message."""
    generation, offset, partition = _PLACE.unpack_from(version, _PLACE_AT)
    return Place(generation, partition, offset)


def is_newer(version: bytes, other: bytes) -> bool:
    """Compare two fingerprints of one avtale, like `Avtale.is_newer_than`."""
    return version[_ORDER] > other[_ORDER]


def differing(version: bytes, other: bytes) -> tuple[str, ...]:
    """Return the columns in which two versions differ: shared ones, or if none does, those of the place."""
    if version[_STATE] != other[_STATE]:
        hashes = (_VERSION.unpack(each)[_COLUMN_HASHES:] for each in (version, other))
        return tuple(name for name, a, b in zip(_COLUMNS, *hashes, strict=True) if a != b) or (UNKNOWN,)
    names = ("generation", "kafka_partition", "kafka_offset")
    places = place_of(version), place_of(other)
    return tuple(name for name, a, b in zip(names, *places, strict=True) if a != b)
