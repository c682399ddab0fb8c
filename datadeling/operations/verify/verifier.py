"""Run `datadeling verify`: read the topic, compare the tables with it, and repair them on request."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, TypeVar
from uuid import UUID

from datadeling.config import KafkaConfig
from datadeling.consumer.topic import Topic, Watermarks
from datadeling.db.database import Database
from datadeling.db.transaction import place_arrays
from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place, Position, Sletting
from datadeling.errors import NotFound, TopicChanged
from datadeling.operations.action import OperatorAction
from datadeling.operations.offsets import is_another_topic, lock_all
from datadeling.operations.replay.reader import Reader
from datadeling.operations.verify.summary import FAULTS, Category, Summary, id_of, key_of, place_of
from datadeling.pipeline.message import Ended, Message, avtale_id_in
from datadeling.pipeline.rewrite import Rewrite

COMMAND = "verify --delete-surplus"
MESSAGES, ROWS, AGAIN = STAGES = "messages", "rows", "messages again"
"""The stages that progress is reported for, in this order."""

_FETCH = 1_000  # messages
_FETCH_TIMEOUT = 0.5  # seconds; Ctrl-C takes effect after it
_PAGE = 2_000  # rows; each page is a transaction of its own, which may take 30 s
_WRITTEN_AT_ONCE = 500  # messages or avtaler
_EXAMPLES = 20
_LAST_ID = 2**128 - 1

OnProgress = Callable[[str, int, int], None]
"""Called with the stage, the number of items done, and about how many there are."""

Ranges = Mapping[int, range]

_Row = TypeVar("_Row", bound=tuple[Any, ...])
_T = TypeVar("_T")


@dataclass(slots=True)
class Findings:
    """Number of avtaler by category, the first of each, and the columns in which the different ones differ.

    `faults` holds all that are missing or different, `surplus` the place of each surplus row.
    """

    counts: Counter[Category] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    examples: dict[Category, list[str]] = field(default_factory=dict)
    faults: set[bytes] = field(default_factory=set)
    surplus: dict[bytes, Place] = field(default_factory=dict)

    def add(self, category: Category, key: bytes) -> None:
        """Count one avtale."""
        self.counts[category] += 1
        if category != "equal" and self.counts[category] <= _EXAMPLES:
            self.examples.setdefault(category, []).append(id_of(key))
        if category in ("missing", "different"):
            self.faults.add(key)


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
    """One topic and its tables. Blocks for as long as reading the topic takes.

    Every method can raise `DatabaseUnavailable`, `BrokerUnavailable`, and `TopicChanged` when the offsets in
    the database are not those of this topic. Rows that have been repaired before stay so.
    """

    def __init__(
        self, database: Database, config: KafkaConfig, topic: Topic, on_progress: OnProgress
    ) -> None:
        self._database = database
        self._config = config
        self._name = config.topic
        self._topic = topic
        self._on_progress = on_progress

    def run(self, *, repair: bool = False, delete_surplus: OperatorAction | None = None) -> Report:
        """Compare; then write again what is missing or different, and delete what is surplus, if requested.

        Writes of the live consumer meanwhile are no faults.
        """
        summary = self._read()
        found = self._compare_all(summary)
        messages, unreadable = summary.messages, summary.messages_unreadable
        if not repair and delete_surplus is None:
            return Report(messages, unreadable, found)
        if repair and found.faults:
            self._repair(summary, found.faults)
        deleted = 0
        if delete_surplus is not None:
            deleted = delete_rows(self._database, self._name, summary, found.surplus, delete_surplus)
        left = Findings()
        self._compare(summary, chain(found.faults, found.surplus), left)
        return Report(messages, unreadable, found, left, deleted)

    def _read(self) -> Summary:
        """Read the topic up to its end.

        The order matters. First the positions: what the consumer handles later is in flight. Then the
        messages, up to the end twice: a message that arrives while we read can make compaction remove one
        that we have not read. Last the low watermarks: retention may have removed messages until then.
        """
        self._refuse_another_topic()
        with self._database.transaction() as tx:
            positions = tx.positions(self._name)
            ended = tx.earlier_generations(self._name)
        summary = Summary(positions, ended, chain.from_iterable(pages(self._markers)))
        ends: dict[int, int] = {}
        for _ in range(2):
            marks = {partition: self._topic.watermarks(partition) for partition in self._topic.partitions()}
            refuse_beyond(positions, marks)
            ranges = {p: range(ends.get(p, low), high) for p, (low, high) in marks.items()}
            for message in self._messages(MESSAGES, ranges, ended):
                summary.take(message)
            ends = {partition: high for partition, (_, high) in marks.items()}
        self._refuse_another_topic()
        summary.lows = {partition: low for partition, (low, _) in marks.items()}
        return summary

    def _refuse_another_topic(self) -> None:
        with suppress(NotFound):  # which topic it was has never been recorded
            if is_another_topic(self._database, self._name, self._topic):
                raise TopicChanged("the offsets are those of another topic: see `offsets new-generation`")

    def _markers(self, start: str, limit: int) -> list[tuple[str, Place]]:
        with self._database.transaction() as tx:
            rows = tx.run("page_of_markers", start=start, limit=limit)
            return [(avtale_id, Place(*place)) for avtale_id, *place in rows]

    def _messages(self, stage: str, ranges: Ranges, ended: Ended) -> Iterator[Message]:
        """Yield the messages of these ranges, those of one avtale in the order of the log.

        An avtale is on one partition as long as a generation lasts. So every partition is read to the end of
        a generation before any is read on.
        """
        done, total = 0, sum(map(len, ranges.values()))
        for part in by_generation(ranges, ended):
            with closing(Reader(self._config, part)) as reader:
                while reader.left:
                    messages = reader.fetch(_FETCH, _FETCH_TIMEOUT)
                    yield from messages
                    done += len(messages)
                    self._on_progress(stage, done, total)

    def _compare_all(self, summary: Summary) -> Findings:
        """Compare every row, and every avtale on the topic. Removes from the summary what is no fault.

        An apparent fault is checked once more: rows may have been written meanwhile.
        """
        with self._database.transaction() as tx:
            (estimate,) = tx.rows(int, "count_avtaler")
        findings, without_version, rows = Findings(), set[bytes](), 0
        unseen = len(summary.in_flight)
        for page in pages(self._rows):
            for row in page:
                key, category = key_of(row.avtale_id), summary.judge(row)
                if category not in FAULTS:
                    findings.add(category, key)
                    summary.versions.pop(key, None)
                elif key not in summary.versions:
                    without_version.add(key)
                unseen -= key in summary.in_flight
            rows += len(page)
            self._on_progress(ROWS, rows, max(rows, estimate))
        for key in summary.in_flight:
            summary.versions.pop(key, None)
        findings.counts["in_flight"] += unseen
        self._compare(summary, chain(summary.versions, without_version), findings)
        return findings

    def _rows(self, start: str, limit: int) -> list[Avtale]:
        with self._database.transaction() as tx:
            return tx.rows(Avtale, "page_of_avtaler", start=start, limit=limit)

    def _compare(self, summary: Summary, keys: Iterable[bytes], findings: Findings) -> None:
        """Compare these avtaler, also with what is parked, and add the results to `findings`."""
        for part in parts(keys, _PAGE):
            places = {key: place_of(version) for key in part if (version := summary.versions.get(key))}
            ids = [id_of(key) for key in part]
            with self._database.transaction() as tx:  # in this order: a retry moves a message to the rows
                arrays = place_arrays(places.values())
                parked = set(tx.rows(Place, "parked_at", topic=self._name, **arrays))
                rows, markers = tx.avtaler(ids), tx.markers(ids)
            for key, avtale_id in zip(part, ids, strict=True):
                row, marker, place = rows.get(avtale_id), markers.get(avtale_id), places.get(key)
                if row is not None:
                    category = summary.judge(row)
                    if category == "surplus":
                        findings.surplus[key] = row.place
                    elif category == "different" and place != row.place and place in parked:
                        category = "parked"
                    elif category == "different":
                        findings.columns.update(summary.differing(row))
                elif place is None or (marker is not None and not place.is_after(marker)):
                    continue  # gone from the tables and from the topic, or erased by an operator
                else:
                    category = "parked" if place in parked else "missing"
                findings.add(category, key)

    def _repair(self, summary: Summary, keys: Collection[bytes]) -> None:
        """Write these avtaler again; nothing beyond the live consumer's position of the comparison."""
        ranges = {
            partition: range(low, summary.positions[partition].next_offset)
            for partition, low in summary.lows.items()
            if partition in summary.positions
        }
        rewrite = Rewrite(self._database, self._name)
        messages = self._messages(AGAIN, ranges, summary.ended)
        for part in parts((m for m in messages if key_of(avtale_id_in(m.key)) in keys), _WRITTEN_AT_ONCE):
            rewrite.write(part)


def delete_rows(
    database: Database, topic: str, summary: Summary, places: Mapping[bytes, Place], action: OperatorAction
) -> int:
    """Delete these surplus avtaler with their history and parked messages; return how many there were.

    `places` has the place of each row: a row that has moved since is left. No other code deletes what the
    topic lacks.
    """
    deleted = 0
    for part in parts(places, _WRITTEN_AT_ONCE):
        with database.transaction() as tx:
            lock_all(tx, topic)
            rows = tx.avtaler([id_of(key) for key in part]).values()
            deletions = [
                Sletting(row.avtale_id, summary.marker_of(row))
                for row in rows
                if row.place == places[key_of(row.avtale_id)]
            ]
            deleted += tx.delete(deletions).avtaler
            tx.delete_failed(topic, deletions)
            for sletting in deletions:
                action.record(tx, COMMAND, sletting.avtale_id)
        for sletting in deletions:
            action.log(COMMAND, sletting.avtale_id)
    return deleted


def by_generation(ranges: Ranges, ended: Ended) -> list[Ranges]:
    """Return the ranges, cut where a generation ended: one part for each, the current one last."""
    parts: list[dict[int, range]] = []
    rest = dict(ranges)
    for generation in sorted({number for ends in ended.values() for number, _ in ends}):
        part: dict[int, range] = {}
        for partition, offsets in rest.items():
            end = dict(ended.get(partition, ())).get(generation, offsets.start)
            cut = min(max(offsets.start, end), offsets.stop)
            part[partition], rest[partition] = range(offsets.start, cut), range(cut, offsets.stop)
        parts.append(part)
    filled = ({p: offsets for p, offsets in part.items() if offsets} for part in [*parts, rest])
    return [part for part in filled if part]


def refuse_beyond(positions: Mapping[int, Position], marks: Mapping[int, Watermarks]) -> None:
    """Raise `TopicChanged` when a position is beyond the end of its partition."""
    for partition, at in positions.items():
        high = marks[partition].high if partition in marks else 0
        if at.next_offset > high:
            raise TopicChanged(
                f"partition {partition} ends at {high}, and has been handled up to {at.next_offset}"
            )


def pages(fetch: Callable[[str, int], Sequence[_Row]], size: int = _PAGE) -> Iterator[Sequence[_Row]]:
    """Yield a whole table in order: `fetch` returns rows, which begin with their id, from an id on."""
    start = 0
    while start <= _LAST_ID:
        page = fetch(str(UUID(int=start)), size)
        yield page
        if len(page) < size:
            return
        start = UUID(page[-1][0]).int + 1


def parts(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield the items in their order, in lists of this size."""
    rest = iter(items)
    while part := list(islice(rest, size)):
        yield part
