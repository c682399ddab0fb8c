"""Holds the rows of `avtale` against the summary of the topic, page by page.

What seems to be a fault is looked at once more, with what is parked: whatever wrote while we went through the
table is seen then.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

from datadeling.db.database import Database
from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place
from datadeling.operations.verify.fingerprint import (
    differing,
    fingerprint,
    is_after,
    packed,
    place_of,
    unpacked,
)
from datadeling.operations.verify.judgement import FAULTS, Category, Log, judge
from datadeling.operations.verify.pages import pages, parts
from datadeling.operations.verify.summary import Summary, avtale_id_of, key_of

_PAGE = 2_000  # rows; each page is a transaction of its own, which may take 30 s
_EXAMPLES = 20

_Fetched = tuple[Mapping[str, Avtale], Mapping[str, Place], Collection[Place]]


@dataclass(slots=True)
class Findings:
    """How many avtaler are what, the first of each, and which columns of the different ones differ.

    `faults` has all that are missing or different, `surplus` the place of the row of each that is too much.
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
    """The tables of one topic against its summary, which is used up by it: what is no fault leaves it."""

    def __init__(self, database: Database, topic: str, summary: Summary, log: Log) -> None:
        self._database = database
        self._topic = topic
        self._summary = summary
        self._log = log

    def all(self, on_rows: Callable[[int], None]) -> Findings:
        """Every row, and every avtale on the topic. `on_rows` is told how many rows have been compared.

        Raise `DatabaseUnavailable`.
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
        self.again(chain(summary.versions, without_version), findings)
        return findings

    def again(self, keys: Iterable[bytes], findings: Findings) -> None:
        """Look at these avtaler one by one, and add what they are. Raise `DatabaseUnavailable`."""
        for part in parts(keys, _PAGE):
            rows, markers, parked = self._look(part)
            for key in part:
                avtale_id = avtale_id_of(key)
                avtale, marker = rows.get(avtale_id), markers.get(avtale_id)
                if avtale is None:
                    self._add_without_row(key, marker, parked, findings)
                else:
                    self._add_row(key, fingerprint(avtale), parked, findings)

    def _fetch(self, start: str, limit: int) -> list[Avtale]:
        with self._database.transaction() as tx:
            return tx.verification.page_of_avtaler(start, limit)

    def _look(self, keys: Collection[bytes]) -> _Fetched:
        """What is parked, then the rows: what a retry takes from here to there is seen in one of them."""
        versions = self._summary.versions
        places = [unpacked(place_of(versions[key])) for key in keys if key in versions]
        ids = [avtale_id_of(key) for key in keys]
        with self._database.transaction() as tx:
            parked = tx.verification.parked_at(self._topic, places)
            rows = tx.avtaler(ids)
            return rows, tx.markers(ids), parked

    def _add_without_row(
        self, key: bytes, marker: Place | None, parked: Collection[Place], findings: Findings
    ) -> None:
        version = self._summary.versions.get(key)
        if version is None or (marker is not None and not is_after(place_of(version), packed(marker))):
            return  # gone from the tables as from the topic, or erased by hand
        if unpacked(place_of(version)) in parked:
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
            if place_of(version) != place_of(row) and unpacked(place_of(version)) in parked:
                category = "parked"
            else:
                findings.columns.update(differing(row, version))
                findings.faults.add(key)
        findings.add(category, key)
