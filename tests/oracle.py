"""Compute the expected tables from a topic's messages, by a short fold without the package's code.

The log consists of `Entry`, which the tests create, so that nothing has to be decoded.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """A message of a log. `state` is None for a tombstone and for one that cannot be read.

    `poison` is the fault of the latter. `nobodys`: its key is not its avtaleId, so it belongs to no avtale.
    """

    offset: int
    avtale: str
    time: datetime
    endret: int = 0
    state: str | None = None
    poison: str = ""
    nobodys: bool = False


@dataclass
class Tables:
    """Present: avtale → (endret, state, offset, since). History: (avtale, state, from, to).

    Markers: avtale → offset. Failed: offset → (avtale, state). `nobodys`: offsets of the failed messages
    that no other message supersedes or deletes.
    """

    present: dict[str, tuple[int, str, int, datetime]] = field(default_factory=dict)
    history: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)
    markers: dict[str, int] = field(default_factory=dict)
    failed: dict[int, tuple[str, str]] = field(default_factory=dict)
    nobodys: set[int] = field(default_factory=set)


def expected(log: list[Entry]) -> Tables:
    """Fold the log in order."""
    tables = Tables()
    for entry in log:
        if entry.poison:
            tables.failed[entry.offset] = (entry.avtale, "new")
            tables.nobodys |= {entry.offset} if entry.nobodys else set()
        elif entry.state is None:
            tables.present.pop(entry.avtale, None)
            tables.history = [row for row in tables.history if row[0] != entry.avtale]
            for offset in _failed_of(tables, entry.avtale):
                del tables.failed[offset]
            tables.markers[entry.avtale] = entry.offset
        else:
            _version(tables, entry, entry.state)
    return tables


def _version(tables: Tables, entry: Entry, state: str) -> None:
    since = entry.time
    before = tables.present.get(entry.avtale)
    if before is not None:
        endret, old, _, old_since = before
        if entry.endret < endret:
            return
        if (entry.endret, state) == (endret, old):
            since = old_since
        else:
            tables.history.append((entry.avtale, old, old_since, max(old_since, entry.time)))
    tables.present[entry.avtale] = (entry.endret, state, entry.offset, since)
    for offset in _failed_of(tables, entry.avtale):
        tables.failed[offset] = (entry.avtale, "superseded")


def _failed_of(tables: Tables, avtale: str) -> list[int]:
    return [o for o, row in tables.failed.items() if row[0] == avtale and o not in tables.nobodys]


def comparable(tables: Tables) -> tuple[Any, ...]:
    """Return the tables in a form that does not depend on the order of rows."""
    return (tables.present, sorted(tables.history), tables.markers, tables.failed)
