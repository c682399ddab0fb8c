"""Retry parked messages through the same steps as the live path: decode, transform, fold, write.

So the newest version wins here, too: a parked message that is older than the stored one changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction, place_arrays
from datadeling.domain.hendelse import Place
from datadeling.errors import UnstorableRow
from datadeling.pipeline.fold import Outcome
from datadeling.pipeline.message import Message, Unreadable
from datadeling.pipeline.store import fold_stored, write_changes
from datadeling.pipeline.transform import read

_PAGE = 500  # messages in one transaction
_PAGE_BYTES = 8 * 1024 * 1024

Page = tuple[Counter[Outcome], Place]
"""The outcomes of the messages retried in one transaction, and the place of the last of them."""


class Retry:
    """The parked messages of one topic. For one thread at a time.

    `record` is called once, in the transaction of the first retry. Every method can raise
    `DatabaseUnavailable`; messages retried before that stay done.
    """

    def __init__(
        self, database: Database, topic: str, record: Callable[[Transaction], None] | None = None
    ) -> None:
        self._database = database
        self._topic = topic
        self._record = record

    def partition(self, partition: int, states: Sequence[str] = ("new",)) -> Counter[Outcome]:
        """Retry the parked messages of a partition that are in these states, in the order of the log.

        A message that can be stored now, or is outdated, becomes `resolved`; any other keeps its state, with
        one more attempt counted. Never moves the offset.
        """
        return _sum(self.pages(partition, states))

    def one(self, place: Place, states: Sequence[str]) -> Counter[Outcome]:
        """Retry the message at this place; nothing happens when it is not in one of these states."""
        before = place._replace(offset=place.offset - 1)
        return _sum(self.pages(place.partition, states, before, place))

    def pages(
        self, partition: int, states: Sequence[str], after: Place | None = None, last: Place | None = None
    ) -> Iterator[Page]:
        """Retry them page by page, each page in one transaction, from behind `after` up to `last`."""
        after = after or Place(-1, partition, -1)
        last = last or Place(2**31 - 1, partition, 2**63 - 1)
        limit = _PAGE
        while True:
            try:
                page = self._page(states, after, last, limit)
            except UnstorableRow:
                if limit > 1:
                    limit //= 2
                    continue
                page = self._page(states, after, last, limit, refused=True)
            if page is None:
                return
            yield page
            after, limit = page[1], _PAGE

    def _page(
        self, states: Sequence[str], after: Place, last: Place, limit: int, *, refused: bool = False
    ) -> Page | None:
        """Retry up to `limit` messages; None when there are no more.

        With `refused`, only count the attempt: the database has refused the row.
        """
        mottatt = datetime.now(UTC)
        partition = after.partition
        with self._database.transaction() as tx:
            tx.lock_partition(self._topic, partition)
            parked = tx.run(
                "select_retryable",
                topic=self._topic,
                states=list(states),
                limit=limit,
                max_bytes=_PAGE_BYTES,
                last_generation=last.generation,
                last_offset=last.offset,
                **after._asdict(),
            )
            decoded = [
                read(Message(partition, offset, timestamp, key, value), generation, mottatt)
                for generation, offset, timestamp, key, value in parked
            ]
            if not decoded:
                return None
            readable = [one for one in decoded if not (refused or isinstance(one, Unreadable))]
            resolved = {one.place for one in readable}
            failed_again = [one.place for one in decoded if one.place not in resolved]
            for name, places in (("fail_again", failed_again), ("resolve_failed", resolved)):
                tx.run(name, topic=self._topic, partition=partition, **place_arrays(places))
            changes = fold_stored(tx, readable)
            write_changes(tx, self._topic, changes)
            if self._record:
                self._record(tx)
        self._record = None
        changes.outcomes["failed"] += len(failed_again)
        return changes.outcomes, decoded[-1].place


def _sum(pages: Iterable[Page]) -> Counter[Outcome]:
    return sum((outcomes for outcomes, _ in pages), Counter[Outcome]())
