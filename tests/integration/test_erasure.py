"""An avtale deleted by hand: everything about it goes, and no handled message brings it back."""

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase
from datadeling.pipeline.partitioner import partition_of
from datadeling.pipeline.retry import Retry
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import Store
from tests.hendelser import FNR, avtale_id, encoded, hendelse, melding, record
from tests.integration.storing import TOPIC, tables, write

WHO = OperatorAction("an operator", f"asked for by {FNR}")
LATER = "2022-03-04T08:46:39Z"


def test_rows_history_and_failed_messages_of_the_avtale_are_deleted(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    log = [
        melding(1, offset=0),
        melding(1, offset=1, sistEndret=LATER),
        melding(2, offset=2),
        record(3, avtale_id(1).encode(), b"{"),
        record(4, avtale_id(2).encode(), encoded(hendelse(1))),  # a key mismatch about this avtale
        record(5, avtale_id(2).encode(), b"{"),
    ]
    write(store, *log)
    erased = erase(database, TOPIC, avtale_id(1), WHO)
    assert erased == (1, 1, 2, Place(0, 0, 5))
    found = tables(connection)
    assert set(found.present) == {avtale_id(2)}
    assert (found.history, set(found.failed), found.markers) == ([], {5}, {avtale_id(1): 5})
    assert Rewrite(database, TOPIC).write(log).outcomes["older"] == 3
    assert tables(connection).present.keys() == {avtale_id(2)}
    assert write(store, melding(1, offset=6)) == {"new": 1}


def test_the_deletion_is_recorded_without_identity_numbers(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    write(store, melding(1))
    erase(database, TOPIC, avtale_id(1), WHO)
    rows = connection.execute("SELECT who, command, target, reason FROM operator_log").fetchall()
    assert rows == [("an operator", "delete", avtale_id(1), "asked for by ***********")]


def test_an_unknown_avtale_is_not_found_and_nothing_is_written(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    with pytest.raises(NotFound):
        erase(database, TOPIC, avtale_id(1), WHO)  # nothing has been read yet
    write(store, melding(2))
    with pytest.raises(NotFound):
        erase(database, TOPIC, avtale_id(1), WHO)
    assert tables(connection).markers == {}
    assert connection.execute("SELECT count(*) FROM operator_log").fetchone() == (0,)


def test_a_second_deletion_moves_the_marker_forward(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    write(store, melding(1, offset=0))
    erase(database, TOPIC, avtale_id(1), WHO)
    write(store, melding(2, offset=1))
    assert erase(database, TOPIC, avtale_id(1), WHO) == (0, 0, 0, Place(0, 0, 1))
    assert tables(connection).markers == {avtale_id(1): 1}


def test_the_marker_is_on_the_present_partition_of_the_key(store: Store, database: Database) -> None:
    write(store, melding(9, offset=0))
    for partition in range(1, 5):
        write(store, melding(partition, offset=10 * partition, partition=partition))
    with database.transaction() as tx:
        tx.raise_generation(TOPIC, None)
    now = partition_of(avtale_id(9).encode(), 5)
    assert now != 0  # otherwise the test would show nothing
    erased = erase(database, TOPIC, avtale_id(9), WHO)
    assert erased == (1, 0, 0, Place(1, now, 10 * now))


def test_a_retry_does_not_restore_the_avtale(
    store: Store, database: Database, retry: Retry, connection: psycopg.Connection
) -> None:
    write(store, melding(1, offset=0), record(1, avtale_id(1).encode(), b"{"))
    erase(database, TOPIC, avtale_id(1), WHO)
    assert not retry.partition(0)
    assert tables(connection).present == {}
