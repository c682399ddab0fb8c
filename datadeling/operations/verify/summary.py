"""What a topic comes to, avtale by avtale, in some 200 bytes each. Pure.

The rules are those of `ingest.fold`, told once more in a form that never holds a whole message; a property
test holds the two together.
"""

from collections.abc import Iterable, Mapping
from uuid import UUID

from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place, Position, Sletting
from datadeling.operations.verify.fingerprint import fingerprint, is_after, is_newer, packed, place_of
from datadeling.pipeline.message import Ended, Message, Unreadable, avtale_id_in, avtale_ids, generation_at
from datadeling.pipeline.transform import read


class Summary:
    """The topic as far as the live consumer had come at `positions`; what lies beyond is in flight.

    Messages of one avtale must be taken in the order of the log. Keys are the 16 bytes of the avtaleId.
    """

    def __init__(
        self, positions: Mapping[int, Position], ended: Ended, markers: Iterable[tuple[str, Place]] = ()
    ) -> None:
        self._positions = positions
        self._ended = ended
        self.versions: dict[bytes, bytes] = {}
        """The fingerprint of the newest version that counts."""
        self.tombstones = {key_of(avtale_id): packed(place) for avtale_id, place in markers}
        """The place of the last tombstone, on the topic or of a marker: nothing counts up to there."""
        self.unreadable: dict[bytes, bytes] = {}
        """The place of the last message that cannot be read, if it counts."""
        self.in_flight: set[bytes] = set()
        """The avtaler that have messages which the live consumer had not handled yet."""
        self.messages = 0
        self.messages_unreadable = 0

    def take(self, melding: Message) -> None:
        """Count one message."""
        self.messages += 1
        at = self._positions.get(melding.partition)
        if at is None or melding.offset >= at.next_offset:
            if avtale_id := avtale_id_in(melding.key):
                self.in_flight.add(key_of(avtale_id))
            return
        generation = generation_at(melding.partition, melding.offset, at.generation, self._ended)
        reading = read(melding, generation, melding.timestamp)
        match reading:
            case Avtale():
                self._take_version(key_of(reading.avtale_id), fingerprint(reading))
            case Sletting():
                self._take_tombstone(key_of(reading.avtale_id), packed(reading.place))
            case Unreadable():
                self._take_unreadable(reading)

    def is_erased(self, key: bytes, place: bytes) -> bool:
        """True when a tombstone stands at or after this place: what stood there counts no more."""
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

    def _take_unreadable(self, reading: Unreadable) -> None:
        self.messages_unreadable += 1
        for avtale_id in avtale_ids([reading]):  # one, or none when nobody knows whose it is
            key, place = key_of(avtale_id), packed(reading.place)
            if not self.is_erased(key, place):
                self.unreadable[key] = place


def key_of(avtale_id: str) -> bytes:
    """The 16 bytes of an avtaleId."""
    return bytes.fromhex(avtale_id.replace("-", ""))


def avtale_id_of(key: bytes) -> str:
    """The avtaleId of these 16 bytes."""
    return str(UUID(bytes=key))
