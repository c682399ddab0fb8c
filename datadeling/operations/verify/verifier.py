"""The whole of `datadeling verify`: read the topic, compare, and mend where that was asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import Topic, Watermarks
from datadeling.db.database import Database
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound, TopicChanged
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import is_another_topic
from datadeling.operations.replay.jobs import Range
from datadeling.operations.verify.compare import Comparison, Findings
from datadeling.operations.verify.judgement import FAULTS, Log
from datadeling.operations.verify.pages import pages
from datadeling.operations.verify.reading import Ranges, in_order, refuse_beyond, watermarks
from datadeling.operations.verify.repair import Repair
from datadeling.operations.verify.summary import Summary
from datadeling.operations.verify.surplus import Surplus
from datadeling.pipeline.message import Ended, Message
from datadeling.pipeline.rewrite import Rewrite

_MARKERS = 5_000  # of a page

MESSAGES, ROWS, AGAIN = PROGRESS = "messages", "rows", "messages again"
"""What is gone through, in this order."""

Progress = Callable[[str, int, int], None]
"""Is told what is going on, how much has been done, and about how much there is."""


class Deeds(NamedTuple):
    """What is to be done about faults: repair those that can be, delete what is surplus, for whom."""

    repair: bool = False
    delete_surplus: OperatorAction | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and what is still at fault after what was asked for has been done.

    `left` is what the avtaler at fault are in the end; None when nothing was to be done. `deleted` says how
    many surplus avtaler are gone.
    """

    messages: int
    unreadable: int
    found: Findings
    left: Findings | None = None
    deleted: int = 0

    @property
    def faults(self) -> int:
        """How many avtaler are at fault in the end."""
        counts = (self.left or self.found).counts
        return sum(counts[category] for category in FAULTS)


class Verifier:
    """One topic and its tables. Use once; blocks for as long as reading the topic takes.

    Every method can raise `DatabaseUnavailable`, `BrokerUnavailable`, and `TopicChanged` when the offsets in
    the database are not those of this topic.
    """

    def __init__(self, database: Database, config: KafkaConfig, topic: Topic, progress: Progress) -> None:
        self._database = database
        self._config = config
        self._name = config.topic
        self._topic = topic
        self._progress = progress

    def run(self, deeds: Deeds) -> Report:
        """Compare, then do what is asked for. What the live consumer does meanwhile is no fault."""
        summary, log = self._read()
        comparison = Comparison(self._database, self._name, summary, log)
        with self._database.transaction() as tx:
            about = tx.verification.about_how_many_avtaler()
        found = comparison.all(lambda rows: self._progress(ROWS, rows, max(rows, about)))
        report = Report(summary.messages, summary.messages_unreadable, found)
        if not deeds.repair and deeds.delete_surplus is None:
            return report
        if deeds.repair and found.faults:
            self._repair(found, log)
        deleted = 0
        if deeds.delete_surplus and found.surplus:
            surplus = Surplus(self._database, self._name, summary, log)
            deleted = surplus.delete(found.surplus, deeds.delete_surplus)
        left = Findings()
        comparison.again(chain(found.faults, found.surplus), left)
        return Report(report.messages, report.unreadable, found, left, deleted)

    def _read(self) -> tuple[Summary, Log]:
        """The topic up to its end, and what there was of it.

        Where the consumer stands is asked first: what it handles later is in flight. What comes while we read
        can make compaction take away what we have not read yet, so the end is asked for twice. Where the log
        begins is asked last: what retention has taken until then, it may have taken from us.
        """
        self._refuse_another()
        with self._database.transaction() as tx:
            positions = tx.positions(self._name)
            ended = tx.earlier_generations(self._name)
        summary = Summary(positions, ended, chain.from_iterable(pages(self._markers, _MARKERS)))
        first = watermarks(self._topic)
        refuse_beyond(positions, first)
        read = {partition: Range(*marks) for partition, marks in first.items()}
        self._take(summary, read, ended)
        last = watermarks(self._topic)
        self._take(summary, _since(read, last), ended)
        self._refuse_another()
        return summary, Log(positions, ended, {partition: marks.low for partition, marks in last.items()})

    def _take(self, summary: Summary, ranges: Ranges, ended: Ended) -> None:
        for messages in self._messages(MESSAGES, ranges, ended):
            for melding in messages:
                summary.take(melding)

    def _repair(self, found: Findings, log: Log) -> None:
        ranges = {
            partition: Range(low, at.next_offset)
            for partition, low in log.lows.items()
            if (at := log.positions.get(partition)) and low < at.next_offset
        }
        repair = Repair(Rewrite(self._database, self._name), found.faults)
        repair.write(self._messages(AGAIN, ranges, log.ended))

    def _messages(self, what: str, ranges: Ranges, ended: Ended) -> Iterator[list[Message]]:
        done, of = 0, sum(end - start for start, end in ranges.values())
        for messages in in_order(self._config, ranges, ended):
            yield messages
            done += len(messages)
            self._progress(what, done, of)

    def _markers(self, start: str, limit: int) -> list[tuple[str, Place]]:
        with self._database.transaction() as tx:
            return tx.verification.page_of_markers(start, limit)

    def _refuse_another(self) -> None:
        try:
            another = is_another_topic(self._database, self._name, self._topic)
        except NotFound:  # nobody has said which topic it was
            return
        if another:
            raise TopicChanged("the offsets are those of another topic: see `offsets new-generation`")


def _since(read: Ranges, marks: dict[int, Watermarks]) -> Ranges:
    """What has been added to the log since these ranges were all there was."""
    return {p: Range(read[p].end if p in read else low, high) for p, (low, high) in marks.items()}
