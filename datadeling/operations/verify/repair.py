"""Write avtaler that are missing or different again, and delete those that are not on the topic."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from datadeling.db.database import Database
from datadeling.domain.hendelse import Place, Sletting
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import lock_all
from datadeling.operations.verify.compare import parts
from datadeling.operations.verify.judgement import Log
from datadeling.operations.verify.summary import Summary, avtale_id_of, key_of, pack_place, unpack_place
from datadeling.pipeline.message import Message, avtale_id_in
from datadeling.pipeline.partitioner import partition_of
from datadeling.pipeline.rewrite import Rewrite

COMMAND = "verify --delete-surplus"

_MESSAGES = 500  # of a transaction, at most
_AVTALER = 500  # of a transaction, at most


def write_again(rewrite: Rewrite, keys: Collection[bytes], messages: Iterable[list[Message]]) -> None:
    """Write what differs of the avtaler with these keys, from messages in the order of the log.

    Nothing beyond the live consumer is written. Raise what reading the messages and `Rewrite.write` raise:
    what was written before stays.
    """
    wanted = (
        message
        for run in messages
        for message in run
        if (avtale_id := avtale_id_in(message.key)) and key_of(avtale_id) in keys
    )
    for part in parts(wanted, _MESSAGES):
        rewrite.write(part)


@dataclass(frozen=True, slots=True)
class Surplus:
    """Deletes avtaler that the topic does not have. No other code does."""

    database: Database
    topic: str
    summary: Summary
    log: Log

    def delete(self, places: Mapping[bytes, bytes], action: OperatorAction) -> int:
        """Delete these avtaler with their history and parked messages; return how many there were.

        `places` has the packed place of each row: a row that has moved since is left. The marker is set at
        the tombstone, or at the consumer's position when the topic was compared: later messages count.
        Raise `DatabaseUnavailable`: what was deleted before stays deleted.
        """
        return sum(self._delete(dict(part), action) for part in parts(places.items(), _AVTALER))

    def _delete(self, places: Mapping[bytes, bytes], action: OperatorAction) -> int:
        by_id = {avtale_id_of(key): key for key in places}
        with self.database.transaction() as tx:
            lock_all(tx, self.topic)
            deletions = [
                Sletting(avtale_id, self._marker(by_id[avtale_id], row.place))
                for avtale_id, row in tx.avtaler(list(by_id)).items()
                if pack_place(row.place) == places[by_id[avtale_id]]
            ]
            erased = tx.delete(deletions)
            tx.delete_failed(self.topic, deletions)
            for sletting in deletions:
                action.record(tx, COMMAND, sletting.avtale_id)
        for sletting in deletions:
            action.log(COMMAND, sletting.avtale_id)
        return erased.avtaler

    def _marker(self, key: bytes, row: Place) -> Place:
        if self.summary.is_erased(key, pack_place(row)):
            return unpack_place(self.summary.tombstones[key])
        positions = self.log.positions
        generation = max(at.generation for at in positions.values())
        partition = row.partition
        if row.generation != generation:  # partitions may have been added since
            partition = partition_of(avtale_id_of(key).encode(), len(self.log.lows))
        at = positions.get(partition)
        return Place(generation, partition, at.next_offset - 1 if at else -1)
