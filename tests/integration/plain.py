"""What the tables must hold after what was done to them: a plain fold that shares no code with the package.

`tests.oracle` folds a log. This one is taken along step by step, and so knows what operators did in between.
"""

from copy import copy
from datetime import datetime
from typing import Literal, NamedTuple

from datadeling.pipeline.message import Message

Kind = Literal["version", "refused", "tombstone", "broken", "stray"]


class Line(NamedTuple):
    """A message of a log, and what the tests know of it.

    A `refused` one is a version that the database does not take before it has been mended. A `broken` one
    cannot be read and is its key's; a `stray` one cannot be read and nobody knows whose it is.
    """

    kind: Kind
    avtale: str
    partition: int
    offset: int
    time: datetime
    key: bytes | None
    value: bytes | None
    content: tuple[int, str] = (0, "")  # time of the edit, and the rest

    @property
    def melding(self) -> Message:
        return Message(self.partition, self.offset, self.time, self.key, self.value)


class Row(NamedTuple):
    content: tuple[int, str]
    offset: int
    since: datetime


class Parked(NamedTuple):
    key: bytes | None
    value: bytes | None
    state: str


At = tuple[int, int]
"""Partition and offset."""


class Plain:
    """The tables. `lines` is all that ever lies on the topic, in its order."""

    def __init__(self, lines: list[Line], partitions: dict[str, int]) -> None:
        self.lines = lines
        self.partitions = partitions
        self.mended = False
        self.present: dict[str, Row] = {}
        self.history: list[tuple[str, Row, datetime]] = []
        self.markers: dict[str, At] = {}
        self.failed: dict[At, Parked] = {}
        self.next = dict.fromkeys(partitions.values(), (0, 0))

    def tables(self) -> tuple[object, ...]:
        """All of it, in a form that does not depend on the order of rows."""
        return (self.present, sorted(self.history), self.markers, self.failed, self.next)

    def copy(self) -> "Plain":
        """The same tables, on their own from now on."""
        other = copy(self)
        other.present, other.history = dict(self.present), list(self.history)
        other.markers, other.failed, other.next = dict(self.markers), dict(self.failed), dict(self.next)
        return other

    def take(self, line: Line) -> None:
        """The live consumer handles the next message of a partition."""
        is_bad = line.kind in {"broken", "stray"} or self._is_refused(line)
        in_a_row = self.next[line.partition][1] + 1 if is_bad else 0
        self.next[line.partition] = (line.offset + 1, in_a_row)
        if is_bad:
            self.failed[line.partition, line.offset] = Parked(line.key, line.value, "new")
        elif line.kind == "tombstone":
            self._forget(line.avtale, line.partition, line.offset)
            self._unpark({at for at in self.failed if self._owner(at) == line.avtale})
        else:
            self._store_and_supersede(line)

    def erase(self, avtale: str) -> At | None:
        """By hand: a tombstone where its partition stands, that also takes whatever else names the avtale."""
        name = avtale.encode()
        naming = {at for at, m in self.failed.items() if m.key == name or name in (m.value or b"")}
        known = {*self.present, *self.markers, *(row[0] for row in self.history)}
        if avtale not in known and not naming:
            return None
        partition = self.partitions[avtale]
        self._forget(avtale, partition, self.next[partition][0] - 1)
        self._unpark(naming)
        return self.markers[avtale]

    def retry(self, partition: int, states: tuple[str, ...]) -> None:
        """Parked messages once more, in the order of the log."""
        for line in self.lines:
            at = (line.partition, line.offset)
            parked = self.failed.get(at)
            if parked is None or parked.state not in states or line.partition != partition:
                continue
            if line.kind == "refused" and not self._is_refused(line):
                self.failed[at] = Parked(line.key, None, "resolved")
                self._store_and_supersede(line)

    def rewrite(self, lines: list[Line]) -> None:
        """Only what the database has come to accept can make a difference, behind the live offset."""
        for line in lines:
            is_behind = line.offset < self.next[line.partition][0]
            if line.kind == "refused" and self.mended and is_behind:
                self._store(line)

    def _is_refused(self, line: Line) -> bool:
        return line.kind == "refused" and not self.mended and self._is_newest(line)

    def _is_newest(self, line: Line) -> bool:
        row, marker = self.present.get(line.avtale), self.markers.get(line.avtale)
        if marker and line.offset <= marker[1]:
            return False
        return row is None or (line.content[0], line.offset) > (row.content[0], row.offset)

    def _store(self, line: Line) -> bool:
        if not self._is_newest(line):
            return False
        row, since = self.present.get(line.avtale), line.time
        if row is not None and row.content == line.content:
            since = row.since
        elif row is not None:
            self.history.append((line.avtale, row, max(row.since, line.time)))
        self.present[line.avtale] = Row(line.content, line.offset, since)
        return True

    def _store_and_supersede(self, line: Line) -> None:
        if not self._store(line):
            return
        for at, parked in self.failed.items():
            if self._owner(at) == line.avtale and at[1] < line.offset and parked.state == "new":
                self.failed[at] = parked._replace(state="superseded")

    def _forget(self, avtale: str, partition: int, offset: int) -> None:
        self.present.pop(avtale, None)
        self.history = [row for row in self.history if row[0] != avtale]
        self.markers[avtale] = (partition, offset)

    def _unpark(self, places: set[At]) -> None:
        self.failed = {at: parked for at, parked in self.failed.items() if at not in places}

    def _owner(self, at: At) -> str | None:
        """Whose a parked message is, if anybody knows."""
        (line,) = (line for line in self.lines if (line.partition, line.offset) == at)
        return None if line.kind == "stray" else line.avtale
