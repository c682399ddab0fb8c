"""Deletes avtaler that the topic knows nothing of. Nothing else does."""

from collections.abc import Mapping

from datadeling.db.database import Database
from datadeling.domain.hendelse import Place, Sletting
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import lock_all
from datadeling.operations.verify.fingerprint import packed, unpacked
from datadeling.operations.verify.judgement import Log
from datadeling.operations.verify.pages import parts
from datadeling.operations.verify.summary import Summary, avtale_id_of
from datadeling.pipeline.message import KEY_MISMATCH
from datadeling.pipeline.partitioner import partition_of

COMMAND = "verify --delete-surplus"

_AT_ONCE = 500  # avtaler of a transaction


class Surplus:
    """What is too much in the tables of one topic, as `summary` and `log` have it."""

    def __init__(self, database: Database, topic: str, summary: Summary, log: Log) -> None:
        self._database = database
        self._topic = topic
        self._summary = summary
        self._log = log

    def delete(self, places: Mapping[bytes, bytes], action: OperatorAction) -> int:
        """Delete these avtaler, their history and what is parked of them; how many it were.

        `places` says where the row of each stood: one that has moved since is left alone. A marker is set at
        the tombstone, or where the consumer stood when the topic was compared: what has come since counts.
        Raise `DatabaseUnavailable`: what has been deleted until then stays deleted.
        """
        return sum(self._delete(dict(part), action) for part in parts(places.items(), _AT_ONCE))

    def _delete(self, places: Mapping[bytes, bytes], action: OperatorAction) -> int:
        by_id = {avtale_id_of(key): key for key in places}
        with self._database.transaction() as tx:
            lock_all(tx, self._topic)
            deletions = [
                Sletting(avtale_id, self._marker(by_id[avtale_id], row.place))
                for avtale_id, row in tx.avtaler(list(by_id)).items()
                if packed(row.place) == places[by_id[avtale_id]]
            ]
            erased = tx.delete(deletions)
            tx.parking.delete(self._topic, deletions, KEY_MISMATCH)
            for sletting in deletions:
                action.record(tx, COMMAND, sletting.avtale_id)
        for sletting in deletions:
            action.log(COMMAND, sletting.avtale_id)
        return erased.avtaler

    def _marker(self, key: bytes, row: Place) -> Place:
        if self._summary.is_erased(key, packed(row)):
            return unpacked(self._summary.tombstones[key])
        positions = self._log.positions
        generation = max(at.generation for at in positions.values())
        partition = row.partition
        if row.generation != generation:  # partitions may have been added since
            partition = partition_of(avtale_id_of(key).encode(), len(self._log.lows))
        at = positions.get(partition)
        return Place(generation, partition, at.next_offset - 1 if at else -1)
