"""Compare the rows of `avtale` with the summary of the topic, page by page.

An apparent fault is checked once more together with what is parked: rows may have been written meanwhile.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, TypeVar
from uuid import UUID

from datadeling.db.database import Database
from datadeling.db.transaction import place_arrays
from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place
from datadeling.operations.verify.judgement import FAULTS, Category, Log, judge
from datadeling.operations.verify.summary import (
    Summary,
    avtale_id_of,
    differing,
    fingerprint,
    is_after,
    key_of,
    pack_place,
    place_of,
    unpack_place,
)

_PAGE = 2_000  # rows; each page is a transaction of its own, which may take 30 s
_EXAMPLES = 20
_LAST_ID = 2**128 - 1

_Row = TypeVar("_Row", bound=tuple[Any, ...])
_T = TypeVar("_T")


@dataclass(slots=True)
class Findings:
    """Number of avtaler by category, the first of each, and the columns in which the different ones differ.

    `faults` holds all that are missing or different, `surplus` the packed place of each surplus row.
    """

    counts: Counter[Category] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    examples: dict[Category, list[str]] = field(default_factory=dict)
    faults: set[bytes] = field(default_factory=set)
    surplus: dict[bytes, bytes] = field(default_factory=dict)

    def add(self, category: Category, key: bytes) -> None:
        """Count one avtale."""
        self.counts[category] += 1
        if category != "equal" and self.counts[category] <= _EXAMPLES:
            self.examples.setdefault(category, []).append(avtale_id_of(key))


class Comparison:
    """The tables of one topic and its summary. Comparing consumes the summary, which saves memory."""

    def __init__(self, database: Database, topic: str, summary: Summary, log: Log) -> None:
        self._database = database
        self._topic = topic
        self._summary = summary
        self._log = log

    def compare_all(self, on_rows: Callable[[int], None]) -> Findings:
        """Compare every row, and every avtale on the topic. Raise `DatabaseUnavailable`.

        `on_rows` is called with the number of rows compared so far.
        """
        findings = Findings()
        summary = self._summary
        unseen, without_version, rows = len(summary.in_flight), set[bytes](), 0
        for page in pages(self._fetch, _PAGE):
            for avtale in page:
                key, row = key_of(avtale.avtale_id), fingerprint(avtale)
                category = judge(row, key, summary, self._log)
                if category not in FAULTS:
                    findings.add(category, key)
                    summary.versions.pop(key, None)
                elif key not in summary.versions:
                    without_version.add(key)
                if key in summary.in_flight:
                    unseen -= 1
            on_rows(rows := rows + len(page))
        for key in summary.in_flight:
            summary.versions.pop(key, None)
        findings.counts["in_flight"] += unseen
        self.compare(chain(summary.versions, without_version), findings)
        return findings

    def compare(self, keys: Iterable[bytes], findings: Findings) -> None:
        """Compare these avtaler, and add the results to `findings`. Raise `DatabaseUnavailable`."""
        for part in parts(keys, _PAGE):
            parked, rows, markers = self._stored(part)
            for key in part:
                avtale_id = avtale_id_of(key)
                avtale, marker = rows.get(avtale_id), markers.get(avtale_id)
                if avtale is None:
                    self._add_without_row(key, marker, parked, findings)
                else:
                    self._add_row(key, fingerprint(avtale), parked, findings)

    def _fetch(self, start: str, limit: int) -> list[Avtale]:
        with self._database.transaction() as tx:
            return tx.rows(Avtale, "page_of_avtaler", start=start, limit=limit)

    def _stored(
        self, keys: Collection[bytes]
    ) -> tuple[Collection[Place], Mapping[str, Avtale], Mapping[str, Place]]:
        """Return parked messages, rows and markers, in this order: a retry moves a message to the rows."""
        versions = self._summary.versions
        places = [unpack_place(place_of(versions[key])) for key in keys if key in versions]
        ids = [avtale_id_of(key) for key in keys]
        with self._database.transaction() as tx:
            parked = set(tx.rows(Place, "parked_at", topic=self._topic, **place_arrays(places)))
            return parked, tx.avtaler(ids), tx.markers(ids)

    def _add_without_row(
        self, key: bytes, marker: Place | None, parked: Collection[Place], findings: Findings
    ) -> None:
        version = self._summary.versions.get(key)
        if version is None or (marker is not None and not is_after(place_of(version), pack_place(marker))):
            return  # gone from the tables and from the topic, or erased by an operator
        if unpack_place(place_of(version)) in parked:
            findings.add("parked", key)
            return
        findings.add("missing", key)
        findings.faults.add(key)

    def _add_row(self, key: bytes, row: bytes, parked: Collection[Place], findings: Findings) -> None:
        category = judge(row, key, self._summary, self._log)
        if category == "surplus":
            findings.surplus[key] = place_of(row)
        elif category == "different":
            version = self._summary.versions[key]
            if place_of(version) != place_of(row) and unpack_place(place_of(version)) in parked:
                category = "parked"
            else:
                findings.columns.update(differing(row, version))
                findings.faults.add(key)
        findings.add(category, key)


def pages(fetch: Callable[[str, int], Sequence[_Row]], size: int) -> Iterator[Sequence[_Row]]:
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
