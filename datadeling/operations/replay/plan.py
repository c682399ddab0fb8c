"""Turn a replay request into an offset range of each partition."""

from collections.abc import Mapping

from datadeling.consumer.topic import Topic
from datadeling.db.database import Database
from datadeling.db.rows import OffsetRow
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound, TopicChanged
from datadeling.operations.replay.jobs import Planned, Range, Request
from datadeling.pipeline.partitioner import partition_of


def plan(request: Request, database: Database, name: str, topic: Topic) -> dict[int, Planned]:
    """Return the range to read of each partition, in order; none goes beyond the live consumer's position.

    Queries the broker, for some seconds at most. Raise `NotFound` when a partition or the topic has not
    been read, `TopicChanged` when the broker's topic is another one, `BrokerUnavailable`.
    """
    with database.transaction() as tx:
        offsets = {row.partition: row for row in tx.rows(OffsetRow, "list_offsets", topic=name)}
        avtale = tx.first(Place, "locate_avtale", topic=name, avtale_id=request.avtale_id)
    if not offsets:
        raise NotFound("nothing has been read of this topic yet")
    if {row.topic_id for row in offsets.values()} - {None, topic.identity()}:
        raise TopicChanged("the broker's topic is not the one that has been read")
    named = {*(request.from_offsets or {}), *(request.to_offsets or {})}
    if unknown := named - offsets.keys():
        raise NotFound(f"nothing has been read of partition {min(unknown)}")
    chosen = set(request.from_offsets or offsets)
    if request.avtale_id is not None:
        chosen &= _partitions_of(request.avtale_id, avtale, offsets)
    return {p: Planned(_range(request, offsets[p], topic), offsets[p].generation) for p in sorted(chosen)}


def _partitions_of(avtale_id: str, known: Place | None, offsets: Mapping[int, OffsetRow]) -> set[int]:
    """Return the partitions of an avtale: `known` is the place of its stored message.

    The producer's partitioner decides when nothing is stored. When partitions have been added since, older
    messages are still on the stored partition, and new ones are where the partitioner puts them.
    """
    partitions = set() if known is None else {known.partition}
    if known is None or known.generation != max(row.generation for row in offsets.values()):
        partitions.add(partition_of(avtale_id.encode(), max(offsets) + 1))
    return partitions


def _range(request: Request, row: OffsetRow, topic: Topic) -> Range:
    partition = row.partition
    start, end = topic.watermarks(partition).low, row.next_offset
    if request.from_offsets:
        start = max(start, request.from_offsets.get(partition, start))
    if request.from_time:
        start = max(start, topic.offset_at(partition, request.from_time))
    if request.to_offsets:
        end = min(end, request.to_offsets.get(partition, end))
    if request.to_time:
        end = min(end, topic.offset_at(partition, request.to_time))
    return Range(min(start, end), end)
