"""The torture run's comparison finds every kind of difference."""

import psycopg
import pytest

from datadeling.pipeline.store import Store
from tests.hendelser import EPOCH, avtale_id
from tests.integration.storing import write
from tests.oracle import Entry
from tests.poison import poisoned
from tests.strategies import to_message
from tests.torture.outcome import outcome

_LOG = [
    Entry(0, avtale_id(1), EPOCH, 1, "A"),
    Entry(1, avtale_id(1), EPOCH, 2, "B"),
    Entry(2, avtale_id(2), EPOCH),
    poisoned(3, avtale_id(3), EPOCH, "empty"),
    Entry(4, avtale_id(3), EPOCH, 1, "A"),
    poisoned(5, avtale_id(3), EPOCH, "key of another avtale"),
]
_TWICE = """INSERT INTO avtale_historikk
            SELECT (jsonb_populate_record(version, '{"kafka_offset": 9}')).* FROM avtale_historikk version"""


@pytest.fixture
def written(store: Store, connection: psycopg.Connection) -> psycopg.Connection:
    write(store, *map(to_message, _LOG))
    return connection


def test_right_tables_have_no_difference(written: psycopg.Connection) -> None:
    assert outcome(written, [_LOG]).good


@pytest.mark.parametrize(
    ("damage", "lost", "duplicated", "not_poison", "table"),
    [
        pytest.param("DELETE FROM avtale WHERE kafka_offset = 1", 1, 0, 0, "present", id="an avtale is gone"),
        pytest.param("UPDATE avtale SET avtale_status = 'C' WHERE kafka_offset = 1", 0, 0, 0, "present",
                     id="an avtale has an old state"),
        pytest.param("DELETE FROM avtale_historikk", 1, 0, 0, "history", id="a version is gone"),
        pytest.param(_TWICE, 0, 1, 0, "history",
                     id="a version is there twice"),
        pytest.param("DELETE FROM avtale_slettet", 1, 0, 0, "markers", id="a marker is gone"),
        pytest.param("DELETE FROM failed_message WHERE kafka_offset = 5", 1, 0, 0, "failed",
                     id="poison is gone"),
        pytest.param("UPDATE failed_message SET value = 'x' WHERE kafka_offset = 5", 0, 0, 0, "failed",
                     id="poison has other bytes"),
        pytest.param("UPDATE failed_message SET kafka_offset = 4 WHERE kafka_offset = 5", 1, 1, 1, "failed",
                     id="a readable message is parked"),
        pytest.param("UPDATE consumer_offset SET next_offset = 4", 2, 0, 0, "positions",
                     id="two have not been handled"),
    ],
)  # fmt: skip
def test_a_difference_is_counted_by_its_kind(
    written: psycopg.Connection, damage: str, lost: int, duplicated: int, not_poison: int, table: str
) -> None:
    written.execute(damage)
    result = outcome(written, [_LOG])
    assert (result.lost, result.duplicated, result.not_poison) == (lost, duplicated, not_poison)
    assert {name: rows for name, rows in result.wrong.items() if rows} == {table: 1}
