"""What is known of messages without reading them: who has read them, and who changed their rows."""

from collections.abc import Iterable, Mapping

from datadeling.db.statements import Statements, uuid_array
from datadeling.domain.hendelse import Place


class Known(Statements):
    """Readings that are known, inside an open transaction that holds the partition's lock."""

    def read_from(self, topic: str, partition: int, edition: str) -> Place | None:
        """From where up to the partition's position this edition has read it; None for nowhere."""
        row = self._run("select_known_from", topic=topic, partition=partition, edition=edition).fetchone()
        return Place(row[0], partition, row[1]) if row else None

    def parked(self, topic: str, first: Place, last: int) -> set[int]:
        """The offsets from `first` to `last`, both included, at which messages are parked."""
        found = self._run(
            "select_parked_offsets",
            topic=topic,
            generation=first.generation,
            partition=first.partition,
            first=first.offset,
            last=last,
        )
        return {offset for (offset,) in found}

    def untouched(self, ids: Iterable[str], partition: int, generation: int) -> dict[bytes, int]:
        """By key, the offset of the message that the row of an avtale was made of.

        Of these avtaler, those whose message stands there and whose row nobody has changed by hand.
        """
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(
                self._text("select_untouched"),
                {"ids": uuid_array(ids), "partition": partition, "generation": generation},
            )
            return {avtale_id.encode(): offset for avtale_id, offset in cursor}

    def forget_touched(self, read: Mapping[str, Place]) -> None:
        """Rows that were changed by hand are ours again when their own messages were read just now.

        `read` has the place of the last message that was read of each avtale.
        """
        row = self._run("has_touched").fetchone()
        if read and row and row[0]:
            self._run(
                "forget_touched",
                ids=uuid_array(read),
                generations=[place.generation for place in read.values()],
                offsets=[place.offset for place in read.values()],
            )

    def extend(self, topic: str, first: Place, end: int, edition: str) -> None:
        """This edition has read from `first` up to `end`: with what it has read before, if they meet."""
        values = {"from": first.offset, "to": end}
        self._run(
            "extend_known",
            topic=topic,
            partition=first.partition,
            generation=first.generation,
            edition=edition,
            **values,
        )
