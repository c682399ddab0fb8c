"""Run `datadeling verify`: read the topic, compare, and repair on request."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import Topic
from datadeling.db.database import Database
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound, TopicChanged
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import is_another_topic
from datadeling.operations.replay.jobs import Range
from datadeling.operations.verify.compare import Comparison, Findings, pages
from datadeling.operations.verify.judgement import FAULTS, Log
from datadeling.operations.verify.reading import Ranges, in_order, refuse_beyond, watermarks
from datadeling.operations.verify.repair import Surplus, write_again
from datadeling.operations.verify.summary import Summary
from datadeling.pipeline.message import Ended, Message
from datadeling.pipeline.rewrite import Rewrite

_MARKERS = 5_000  # of a page

MESSAGES, ROWS, AGAIN = STAGES = "messages", "rows", "messages again"
"""The stages that progress is reported for, in this order."""

OnProgress = Callable[[str, int, int], None]
"""Called with the stage, the number of items done, and about how many there are."""


class Options(NamedTuple):
    """Treatment of faults: `repair` those that can be, delete what is surplus on behalf of an operator."""

    repair: bool = False
    delete_surplus: OperatorAction | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The findings, and the faults that are left after the repair.

    `left`: findings for the faulty avtaler afterwards; None when nothing was to be repaired or deleted.
    `deleted`: number of surplus avtaler that were deleted.
    """

    messages: int
    unreadable: int
    found: Findings
    left: Findings | None = None
    deleted: int = 0

    @property
    def faults(self) -> int:
        """Number of avtaler that are at fault in the end."""
        counts = (self.left or self.found).counts
        return sum(counts[category] for category in FAULTS)


class Verifier:
    """One topic and its tables. Use once; blocks for as long as reading the topic takes.

    Every method can raise `DatabaseUnavailable`, `BrokerUnavailable`, and `TopicChanged` when the offsets in
    the database are not those of this topic.
    """

    def __init__(
        self, database: Database, config: KafkaConfig, topic: Topic, on_progress: OnProgress
    ) -> None:
        self._database = database
        self._config = config
        self._name = config.topic
        self._topic = topic
        self._on_progress = on_progress

    def run(self, options: Options) -> Report:
        """Compare, then repair and delete as requested. Writes of the live consumer are no faults."""
        summary, log = self._read()
        comparison = Comparison(self._database, self._name, summary, log)
        with self._database.transaction() as tx:
            (estimate,) = tx.rows(int, "count_avtaler")
        found = comparison.compare_all(lambda rows: self._on_progress(ROWS, rows, max(rows, estimate)))
        messages, unreadable = summary.messages, summary.messages_unreadable
        if not options.repair and options.delete_surplus is None:
            return Report(messages, unreadable, found)
        if options.repair and found.faults:
            self._repair(found, log)
        deleted = 0
        if options.delete_surplus and found.surplus:
            surplus = Surplus(self._database, self._name, summary, log)
            deleted = surplus.delete(found.surplus, options.delete_surplus)
        left = Findings()
        comparison.compare(chain(found.faults, found.surplus), left)
        return Report(messages, unreadable, found, left, deleted)

    def _read(self) -> tuple[Summary, Log]:
        """Read the topic up to its end.

        The order matters. First the positions: what the consumer handles later is in flight. Then the
        messages, up to the end twice: a message that arrives while we read can make compaction remove one
        that we have not read. Last the low watermarks: retention may have removed messages until then.
        """
        self._refuse_another_topic()
        with self._database.transaction() as tx:
            positions = tx.positions(self._name)
            ended = tx.earlier_generations(self._name)
        summary = Summary(positions, ended, chain.from_iterable(pages(self._markers, _MARKERS)))
        first = watermarks(self._topic)
        refuse_beyond(positions, first)
        self._take(summary, {p: Range(low, high) for p, (low, high) in first.items()}, ended)
        last = watermarks(self._topic)
        added = {p: Range(first[p].high if p in first else low, high) for p, (low, high) in last.items()}
        self._take(summary, added, ended)
        self._refuse_another_topic()
        return summary, Log(positions, ended, {partition: marks.low for partition, marks in last.items()})

    def _take(self, summary: Summary, ranges: Ranges, ended: Ended) -> None:
        for messages in self._messages(MESSAGES, ranges, ended):
            for message in messages:
                summary.take(message)

    def _repair(self, found: Findings, log: Log) -> None:
        ranges = {
            partition: Range(low, at.next_offset)
            for partition, low in log.lows.items()
            if (at := log.positions.get(partition)) and low < at.next_offset
        }
        messages = self._messages(AGAIN, ranges, log.ended)
        write_again(Rewrite(self._database, self._name), found.faults, messages)

    def _messages(self, stage: str, ranges: Ranges, ended: Ended) -> Iterator[list[Message]]:
        done, total = 0, sum(end - start for start, end in ranges.values())
        for messages in in_order(self._config, ranges, ended):
            yield messages
            done += len(messages)
            self._on_progress(stage, done, total)

    def _markers(self, start: str, limit: int) -> list[tuple[str, Place]]:
        with self._database.transaction() as tx:
            rows = tx.run("page_of_markers", start=start, limit=limit)
            return [(avtale_id, Place(*place)) for avtale_id, *place in rows]

    def _refuse_another_topic(self) -> None:
        try:
            another = is_another_topic(self._database, self._name, self._topic)
        except NotFound:  # which topic it was has never been recorded
            return
        if another:
            raise TopicChanged("the offsets are those of another topic: see `offsets new-generation`")
