"""What the tables hold after a run, against what the oracle says they must hold."""

import random
from datetime import timedelta
from typing import Any

import psycopg

from tests.hendelser import EPOCH, avtale_id
from tests.oracle import Entry, Tables, expected

Logs = list[list[Entry]]

_AVTALER = 400  # on each partition
_TOMBSTONES, _POISON = 0.03, 0.03


def make_logs(rng: random.Random, partitions: int, length: int) -> Logs:
    """A log for each partition, with avtaler of its own: duplicates, backward times, tombstones, poison."""
    return [[_entry(rng, partitions, p, offset) for offset in range(length)] for p in range(partitions)]


def _entry(rng: random.Random, partitions: int, partition: int, offset: int) -> Entry:
    avtale = avtale_id(rng.randrange(_AVTALER) * partitions + partition + 1)
    time = EPOCH + timedelta(minutes=rng.randrange(1_000))
    kind = rng.random()
    if kind < _TOMBSTONES:
        return Entry(offset, avtale, time)
    if kind < _TOMBSTONES + _POISON:
        return Entry(offset, avtale, time, poison=True)
    return Entry(offset, avtale, time, rng.randrange(10), rng.choice("ABCDEFG"))


def differences(connection: psycopg.Connection, logs: Logs) -> dict[str, int]:
    """How many rows of each table are not as the oracle says; nothing when all is as it must be."""
    found, wanted = _found(connection), _wanted(logs)
    return {name: len(found[name] ^ wanted[name]) for name in wanted if found[name] != wanted[name]}


def _wanted(logs: Logs) -> dict[str, set[Any]]:
    folds: list[Tables] = [expected(log) for log in logs]
    return {
        "present": {(avtale, *row) for fold in folds for avtale, row in fold.present.items()},
        "history": {row for fold in folds for row in fold.history},
        "markers": {row for fold in folds for row in fold.markers.items()},
        "failed": {(p, at, *row) for p, fold in enumerate(folds) for at, row in fold.failed.items()},
    }


def _found(connection: psycopg.Connection) -> dict[str, set[Any]]:
    statements = {
        "present": """SELECT avtale_id::text, extract(second FROM endret_tidspunkt)::int, avtale_status,
                             kafka_offset, hendelse_tidspunkt FROM avtale""",
        "history": "SELECT avtale_id::text, avtale_status, gyldig_fra, gyldig_til FROM avtale_historikk",
        "markers": "SELECT avtale_id::text, kafka_offset FROM avtale_slettet",
        "failed": """SELECT kafka_partition, kafka_offset, convert_from(key, 'UTF8'), state
                     FROM failed_message""",
    }
    return {name: set(connection.execute(statement).fetchall()) for name, statement in statements.items()}
