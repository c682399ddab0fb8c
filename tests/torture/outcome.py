"""The comparison of the tables after a run with the oracle's."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.oracle import expected
from tests.strategies import to_message
from tests.torture.logs import Logs

_Row = tuple[Any, ...]
_Bag = Counter[_Row]  # a row that is there twice counts twice

_TABLES = {
    "present": """SELECT avtale_id::text, extract(second FROM endret_tidspunkt)::int, avtale_status,
                         kafka_offset, hendelse_tidspunkt FROM avtale""",
    "history": "SELECT avtale_id::text, avtale_status, gyldig_fra, gyldig_til FROM avtale_historikk",
    "markers": "SELECT avtale_id::text, kafka_offset FROM avtale_slettet",
    "failed": "SELECT kafka_partition, kafka_offset, key, value, state FROM failed_message",
    "positions": "SELECT kafka_partition, next_offset FROM consumer_offset",
}
# So many columns from the left say which row it is; the rest is what is in it.
_IDENTITY = {"present": 1, "history": 4, "markers": 1, "failed": 2, "positions": 1}


@dataclass(frozen=True)
class Outcome:
    """The differences between the tables and the oracle's.

    `lost`: missing rows and unhandled messages. `duplicated`: rows that the oracle does not have, or not
    as often. `not_poison`: failed messages that can be read. `wrong`: by table, the number of missing,
    surplus or different rows.
    """

    lost: int
    duplicated: int
    not_poison: int
    wrong: Mapping[str, int]

    @property
    def good(self) -> bool:
        """True when there is no difference."""
        return not (self.lost or self.duplicated or self.not_poison or any(self.wrong.values()))


def outcome(connection: psycopg.Connection, logs: Logs) -> Outcome:
    """Compare the tables with the oracle's for these logs. No consumer may be writing any more."""
    wanted = _wanted(logs)
    found = {name: Counter(connection.execute(statement)) for name, statement in _TABLES.items()}
    missing = sum((_ids(wanted, name) - _ids(found, name)).total() for name in wanted)
    surplus = sum((_ids(found, name) - _ids(wanted, name)).total() for name in wanted)
    poison = Counter((p, entry.offset) for p, log in enumerate(logs) for entry in log if entry.poison)
    return Outcome(
        lost=missing + _unhandled(wanted["positions"], found["positions"]),
        duplicated=surplus,
        not_poison=(_ids(found, "failed") - poison).total(),
        wrong={
            name: max((wanted[name] - found[name]).total(), (found[name] - wanted[name]).total())
            for name in wanted
        },
    )


def _wanted(logs: Logs) -> dict[str, _Bag]:
    folds = [expected(log) for log in logs]
    ends = Counter((partition, len(log)) for partition, log in enumerate(logs))
    return {
        "present": Counter((avtale, *row) for fold in folds for avtale, row in fold.present.items()),
        "history": Counter(row for fold in folds for row in fold.history),
        "markers": Counter(row for fold in folds for row in fold.markers.items()),
        "failed": Counter(
            (p, at, *to_message(logs[p][at])[-2:], state)
            for p, fold in enumerate(folds)
            for at, (_, state) in fold.failed.items()
        ),
        "positions": ends,
    }


def _ids(tables: Mapping[str, _Bag], name: str) -> _Bag:
    ids: _Bag = Counter()
    for row, times in tables[name].items():
        ids[row[: _IDENTITY[name]]] += times
    return ids


def _unhandled(ends: _Bag, positions: _Bag) -> int:
    """Return the number of messages between the positions and the ends, over all partitions."""
    reached: dict[int, int] = dict(row for row in positions)
    return sum(max(0, end - reached.get(partition, 0)) for partition, end in ends)
