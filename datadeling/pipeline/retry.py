"""Tries parked messages once more, through the same steps as the live path: decode, transform, fold, write.

So the newest wins here, too: a parked message that is older than what is stored by now changes nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

from datadeling.db.database import Database
from datadeling.db.tables.parking import FailedMessage
from datadeling.db.transaction import Transaction
from datadeling.domain.hendelse import Place
from datadeling.errors import UnstorableRow
from datadeling.pipeline.apply import apply, fold_stored
from datadeling.pipeline.fold import Outcome
from datadeling.pipeline.message import Decoded, Message, Unreadable
from datadeling.pipeline.transform import read

_PAGE = 500  # messages in one transaction
_PAGE_BYTES = 8 * 1024 * 1024

_Page = tuple[Counter[Outcome], Place | None]


class Retry:
    """The parked messages of one topic. For one thread at a time.

    `record` is called once, in the transaction of the first retry. Raise `DatabaseUnavailable`; what had been
    retried by then stays done.
    """

    def __init__(
        self, database: Database, topic: str, record: Callable[[Transaction], None] | None = None
    ) -> None:
        self._database = database
        self._topic = topic
        self._record = record

    def partition(self, partition: int, states: Sequence[str] = ("new",)) -> Counter[Outcome]:
        """Retry the parked messages of a partition that are in these states, in the order of the log.

        What can be stored now, or is outdated, becomes `resolved`; the rest stays as it is, with one more
        attempt counted. Never moves the offset.
        """
        return _sum(page for page, _ in self.pages(partition, states))

    def pages(
        self, partition: int, states: Sequence[str], after: Place | None = None
    ) -> Iterator[tuple[Counter[Outcome], Place]]:
        """The same, some at a time, each time in one transaction: what they came to, and the last of them.

        `after` is a place on the partition to begin behind; None for its beginning.
        """
        return self._range(states, after or Place(-1, partition, -1), Place(2**31 - 1, partition, 2**63 - 1))

    def one(self, place: Place, states: Sequence[str]) -> Counter[Outcome]:
        """Retry the one at this place; nothing when it is not in one of these states."""
        pages = self._range(states, place._replace(offset=place.offset - 1), place)
        return _sum(page for page, _ in pages)

    def _range(
        self, states: Sequence[str], after: Place, last: Place
    ) -> Iterator[tuple[Counter[Outcome], Place]]:
        """Retry what stands after one place and up to another on the same partition."""
        page, at = self._page_or_halves(states, after, last, _PAGE)
        while at is not None:
            yield page, at
            page, at = self._page_or_halves(states, at, last, _PAGE)

    def _page_or_halves(self, states: Sequence[str], after: Place, last: Place, limit: int) -> _Page:
        try:
            return self._page(states, after, last, limit)
        except UnstorableRow:
            if limit > 1:
                return self._page_or_halves(states, after, last, limit // 2)
            return self._page(states, after, last, limit, refused=True)

    def _page(
        self, states: Sequence[str], after: Place, last: Place, limit: int, *, refused: bool = False
    ) -> _Page:
        """Retry some messages, and say after which one to go on. Those `refused` only count one more try."""
        mottatt = datetime.now(UTC)
        partition = after.partition
        with self._database.transaction() as tx:
            tx.lock_partition(self._topic, partition)
            failed = tx.parking.retryable(self._topic, states, after, last, limit, _PAGE_BYTES)
            if not failed:
                return Counter(), None
            readings = [_read(message, mottatt) for message in failed]
            mended = [r for r in readings if not (refused or isinstance(r, Unreadable))]
            places = {reading.place for reading in mended}
            again = [message.place for message in failed if message.place not in places]
            tx.parking.fail_again(self._topic, partition, again)
            tx.parking.resolve(self._topic, partition, list(places))
            changes = fold_stored(tx, mended)
            apply(tx, self._topic, changes)
            if self._record:
                self._record(tx)
        self._record = None
        changes.outcomes["failed"] += len(again)
        return changes.outcomes, failed[-1].place


def _sum(pages: Iterable[Counter[Outcome]]) -> Counter[Outcome]:
    return sum(pages, Counter[Outcome]())


def _read(message: FailedMessage, mottatt: datetime) -> Decoded:
    place, tidspunkt, key, value = message
    return read(Message(place.partition, place.offset, tidspunkt, key, value), place.generation, mottatt)
