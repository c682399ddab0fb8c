"""The expected state of every avtale according to the topic, in some 200 bytes each. Pure.

The rules are those of `pipeline.fold`, in a form that never holds a whole message; a property test holds the
two together. A version is kept as a fingerprint: its order and place as they are, its shared fields hashed.
Hashes differ from process to process: never store or send them.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from struct import Struct
from uuid import UUID

from datadeling.domain.avtale import Avtale
from datadeling.domain.felt import FELTER
from datadeling.domain.hendelse import Place, Position, Sletting
from datadeling.pipeline.message import Ended, Message, Unreadable, avtale_id_in, avtale_ids, generation_at
from datadeling.pipeline.transform import read

UNKNOWN = "unknown"
"""Name of the difference when the whole differs and the small hashes of all columns happen to be equal."""

_COLUMNS = tuple(felt.column for felt in FELTER)
_values = attrgetter(*_COLUMNS)

# Big-endian, and nothing negative before the hashes: so bytes compare as the numbers do.
_VERSION = Struct(f">QIQIq{len(_COLUMNS)}H")
_PLACE = Struct(">IQI")
_ORDER = slice(0, 20)  # endret_tidspunkt, generation, offset
_PLACE_IN_VERSION = slice(8, 24)  # generation, offset, partition
_STATE = slice(24, 32)
_COLUMN_HASHES = 5  # where they begin, once unpacked
_OFFSET = slice(0, 12)  # of a place: generation, offset
_SMALL = 65_521  # a prime: with a power of two, 50 and 50.5 would have the same hash

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Summary:
    """The topic up to the live consumer's `positions`; messages beyond are in flight.

    Take the messages of one avtale in the order of the log. Keys are the 16 bytes of the avtaleId.
    """

    def __init__(
        self, positions: Mapping[int, Position], ended: Ended, markers: Iterable[tuple[str, Place]] = ()
    ) -> None:
        self._positions = positions
        self._ended = ended
        self.versions: dict[bytes, bytes] = {}
        """Fingerprint of the newest version that counts."""
        self.tombstones = {key_of(avtale_id): pack_place(place) for avtale_id, place in markers}
        """Place of the last tombstone, on the topic or of a marker: nothing up to there counts."""
        self.unreadable: dict[bytes, bytes] = {}
        """Place of the last unreadable message that counts."""
        self.in_flight: set[bytes] = set()
        """Avtaler with messages that the live consumer had not handled."""
        self.messages = 0
        self.messages_unreadable = 0

    def take(self, message: Message) -> None:
        """Count one message."""
        self.messages += 1
        at = self._positions.get(message.partition)
        if at is None or message.offset >= at.next_offset:
            if avtale_id := avtale_id_in(message.key):
                self.in_flight.add(key_of(avtale_id))
            return
        generation = generation_at(message.partition, message.offset, at.generation, self._ended)
        decoded = read(message, generation, message.timestamp)
        match decoded:
            case Avtale():
                self._take_version(key_of(decoded.avtale_id), fingerprint(decoded))
            case Sletting():
                self._take_tombstone(key_of(decoded.avtale_id), pack_place(decoded.place))
            case Unreadable():
                self._take_unreadable(decoded)

    def is_erased(self, key: bytes, place: bytes) -> bool:
        """Return True when a tombstone stands at or after this place."""
        tombstone = self.tombstones.get(key)
        return tombstone is not None and not is_after(place, tombstone)

    def _take_version(self, key: bytes, version: bytes) -> None:
        if self.is_erased(key, place_of(version)):
            return
        newest = self.versions.get(key)
        if newest is None or not is_newer(newest, version):
            self.versions[key] = version

    def _take_tombstone(self, key: bytes, place: bytes) -> None:
        if self.is_erased(key, place):
            return
        self.tombstones[key] = place
        version, unreadable = self.versions.get(key), self.unreadable.get(key)
        if version is not None and self.is_erased(key, place_of(version)):
            del self.versions[key]
        if unreadable is not None and self.is_erased(key, unreadable):
            del self.unreadable[key]

    def _take_unreadable(self, message: Unreadable) -> None:
        self.messages_unreadable += 1
        for avtale_id in avtale_ids([message]):  # one, or none when the message does not reveal it
            key, place = key_of(avtale_id), pack_place(message.place)
            if not self.is_erased(key, place):
                self.unreadable[key] = place


def key_of(avtale_id: str) -> bytes:
    """Return the 16 bytes of an avtaleId."""
    return bytes.fromhex(avtale_id.replace("-", ""))


def avtale_id_of(key: bytes) -> str:
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
        avtale.kafka_offset + 1,
        avtale.kafka_partition,
        hash(tuple(hashes)),
        *(number % _SMALL for number in hashes),
    )


def pack_place(place: Place) -> bytes:
    """Return a place as it is in a fingerprint. The offset of a marker can be -1."""
    return _PLACE.pack(place.generation, place.offset + 1, place.partition)


def unpack_place(place: bytes) -> Place:
    """Return the place that these bytes were packed from."""
    generation, next_offset, partition = _PLACE.unpack(place)
    return Place(generation, partition, next_offset - 1)


def place_of(version: bytes) -> bytes:
    """Return the packed place of a version's message."""
    return version[_PLACE_IN_VERSION]


def is_after(place: bytes, other: bytes) -> bool:
    """Compare two packed places of one avtale, like `Place.is_after`."""
    return place[_OFFSET] > other[_OFFSET]


def is_newer(version: bytes, other: bytes) -> bool:
    """Compare two fingerprints of one avtale, like `Avtale.is_newer_than`."""
    return version[_ORDER] > other[_ORDER]


def same_state(version: bytes, other: bytes) -> bool:
    """Compare two fingerprints of one avtale, like `Avtale.same_state`."""
    return version[_STATE] == other[_STATE]


def differing(version: bytes, other: bytes) -> tuple[str, ...]:
    """Return the columns in which two versions differ: shared ones, or if none does, those of the place."""
    if not same_state(version, other):
        hashes = (_VERSION.unpack(each)[_COLUMN_HASHES:] for each in (version, other))
        return tuple(name for name, a, b in zip(_COLUMNS, *hashes, strict=True) if a != b) or (UNKNOWN,)
    places = (unpack_place(place_of(each)) for each in (version, other))
    names = ("generation", "kafka_partition", "kafka_offset")
    return tuple(name for name, a, b in zip(names, *places, strict=True) if a != b)
