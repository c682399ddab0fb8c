"""A version of an avtale in so few bytes that a million of them fit into memory. Pure.

Place and order are kept as they are, the shared fields as hashes: it can be told that two versions differ,
and in which columns, not what they say. The hashes are this process's own: never store or send them.
"""

from datetime import UTC, datetime, timedelta
from struct import Struct

from datadeling.domain.avtale import COLUMNS, SHARED, Avtale
from datadeling.domain.hendelse import Place

UNKNOWN = "unknown"
"""What differs where the whole differs and the small hash of every column happens to be the same."""

# Big-endian, and nothing negative before the hashes: so bytes compare as the numbers do.
_VERSION = Struct(f">QIQIq{SHARED}H")
_PLACE = Struct(">IQI")
_ORDER = slice(0, 20)  # endret_tidspunkt, generation, offset
_PLACE_IN_VERSION = slice(8, 24)  # generation, offset, partition
_STATE = slice(24, 32)
_COLUMNS = Struct(f">{SHARED}H")
_COLUMNS_AT = 32
_ALONG_THE_LOG = slice(0, 12)  # of a place: generation, offset
_SMALL = 65_521  # a prime: the lowest bits alone do not tell 50 from 50.5

_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def fingerprint(avtale: Avtale) -> bytes:
    """86 bytes: order, place, a hash of the shared state, and a small one of each shared column."""
    # -1 and -2 have the same hash in Python.
    hashes = [hash((at, "-1" if value == -1 else value)) for at, value in enumerate(avtale[:SHARED])]
    return _VERSION.pack(
        (avtale.endret_tidspunkt - _BEGINNING) // _MICROSECOND,
        avtale.generation,
        avtale.kafka_offset + 1,
        avtale.kafka_partition,
        hash(tuple(hashes)),
        *(number % _SMALL for number in hashes),
    )


def packed(place: Place) -> bytes:
    """A place as in a fingerprint. The offset of a marker can be -1."""
    return _PLACE.pack(place.generation, place.offset + 1, place.partition)


def place_of(version: bytes) -> bytes:
    """Where the message of a version stands, as `packed`."""
    return version[_PLACE_IN_VERSION]


def unpacked(place: bytes) -> Place:
    """The place that was `packed`."""
    generation, after, partition = _PLACE.unpack(place)
    return Place(generation, partition, after - 1)


def is_after(place: bytes, other: bytes) -> bool:
    """`Place.is_after` of two packed places of one avtale."""
    return place[_ALONG_THE_LOG] > other[_ALONG_THE_LOG]


def is_newer(version: bytes, other: bytes) -> bool:
    """`Avtale.is_newer_than` of two fingerprints of one avtale."""
    return version[_ORDER] > other[_ORDER]


def same_state(version: bytes, other: bytes) -> bool:
    """`Avtale.same_state` of two fingerprints of one avtale."""
    return version[_STATE] == other[_STATE]


def differing(version: bytes, other: bytes) -> tuple[str, ...]:
    """The columns in which two versions differ: shared ones, or where none does, those of the place."""
    if not same_state(version, other):
        pairs = zip(_columns(version), _columns(other), strict=True)
        return tuple(name for name, (a, b) in zip(COLUMNS, pairs, strict=False) if a != b) or (UNKNOWN,)
    places = zip(unpacked(place_of(version)), unpacked(place_of(other)), strict=True)
    names = ("generation", "kafka_partition", "kafka_offset")
    return tuple(name for name, (a, b) in zip(names, places, strict=True) if a != b)


def _columns(version: bytes) -> tuple[int, ...]:
    return _COLUMNS.unpack_from(version, _COLUMNS_AT)
