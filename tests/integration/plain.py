"""Compute the expected tables step by step, without the package's code.

`tests.oracle` folds a whole log. This fold also follows what operators do in between.
"""

from copy import copy
from datetime import datetime
from typing import Literal, NamedTuple

from datadeling.pipeline.message import Message

Kind = Literal["version", "refused", "tombstone", "broken", "stray"]


class Line(NamedTuple):
    """A message of a log, with its content.

    `refused`: a version that the database refuses until `mended`. `broken`: unreadable, and belongs to the
    avtale of its key. `stray`: unreadable, and belongs to no avtale.
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
    """The expected tables. `lines` are all messages of the topic, in order."""

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
        """Return the tables in a form that does not depend on the order of rows."""
        return (self.present, sorted(self.history), self.markers, self.failed, self.next)

    def copy(self) -> "Plain":
        """Return an independent copy."""
        other = copy(self)
        other.present, other.history = dict(self.present), list(self.history)
        other.markers, other.failed, other.next = dict(self.markers), dict(self.failed), dict(self.next)
        return other

    def take(self, line: Line) -> None:
        """Handle the next message of a partition, as the live consumer does."""
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
        """Delete an avtale by hand, and all failed messages that name it; return the marker's place."""
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
        """Retry parked messages in these states, in the order of the log."""
        for line in self.lines:
            at = (line.partition, line.offset)
            parked = self.failed.get(at)
            if parked is None or parked.state not in states or line.partition != partition:
                continue
            if line.kind == "refused" and not self._is_refused(line):
                self.failed[at] = Parked(line.key, None, "resolved")
                self._store_and_supersede(line)

    def rewrite(self, lines: list[Line]) -> None:
        """Write lines again: only versions that were refused before can differ, behind the live offset."""
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
        """Return the avtale that a parked message belongs to, if any."""
        (line,) = (line for line in self.lines if (line.partition, line.offset) == at)
        return None if line.kind == "stray" else line.avtale
