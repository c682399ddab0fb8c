"""Failed messages: listed, shown, retried and discarded by an operator."""

import psycopg
import pytest

from datadeling.db.database import Database
from datadeling.domain.hendelse import Place
from datadeling.errors import NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.failed import FailedMessages
from datadeling.pipeline import retry as retrying
from datadeling.pipeline.retry import Retry
from datadeling.pipeline.store import Store
from tests.hendelser import avtale_id, encoded, hendelse, melding, record
from tests.integration.storing import TOPIC, write

WHO = OperatorAction("an operator", "useless")
LATER = "2022-03-04T08:46:39Z"


@pytest.fixture
def failed(database: Database) -> FailedMessages:
    return FailedMessages(database, TOPIC)


def mend(connection: psycopg.Connection, offset: int, value: bytes) -> None:
    """Replace a value, to simulate a release that can read it."""
    connection.execute("UPDATE failed_message SET value = %s WHERE kafka_offset = %s", (value, offset))


def states(connection: psycopg.Connection) -> list[tuple[int, str, bytes | None]]:
    return connection.execute("SELECT kafka_offset, state, value FROM failed_message ORDER BY 1").fetchall()


def test_the_list_can_be_filtered_by_state(store: Store, failed: FailedMessages) -> None:
    key = avtale_id(1).encode()
    write(store, record(0, key, b"{"), record(1, key, b"\xff"), melding(1, offset=2), record(3, b"x", b"{"))
    assert [row["kafka_offset"] for row in failed.find(None, None, 10)] == [0, 1, 3]
    assert [row["kafka_offset"] for row in failed.find("superseded", None, 10)] == [0, 1]
    assert [row["kafka_offset"] for row in failed.find(None, "not_utf8", 10)] == [1]
    assert [row["kafka_offset"] for row in failed.find(None, None, 2)] == [0, 1]


def test_a_superseded_message_can_be_retried_and_the_newest_version_stays(
    store: Store, failed: FailedMessages, connection: psycopg.Connection
) -> None:
    write(store, record(0, avtale_id(1).encode(), b"{"), melding(1, offset=1))
    mend(connection, 0, encoded(hendelse(1, sistEndret="2020-01-01T00:00:00Z")))
    assert failed.retry(Place(0, 0, 0), WHO) == "older"
    assert states(connection) == [(0, "resolved", None)]
    assert connection.execute("SELECT kafka_offset FROM avtale").fetchall() == [(1,)]


def test_a_superseded_message_with_a_later_edit_becomes_the_present_version(
    store: Store, failed: FailedMessages, connection: psycopg.Connection
) -> None:
    write(store, record(0, avtale_id(1).encode(), b"{"), melding(1, offset=1))
    mend(connection, 0, encoded(hendelse(1, sistEndret=LATER)))
    assert failed.retry_all(WHO) == ({"changed": 1}, None)
    assert connection.execute("SELECT kafka_offset FROM avtale").fetchall() == [(0,)]
    assert connection.execute("SELECT kafka_offset FROM avtale_historikk").fetchall() == [(1,)]


def test_a_discarded_message_is_not_retried(store: Store, failed: FailedMessages) -> None:
    write(store, record(0, b"x", b"{"))
    failed.discard(Place(0, 0, 0), WHO)
    for act in (lambda: failed.retry(Place(0, 0, 0), WHO), lambda: failed.discard(Place(0, 0, 0), WHO)):
        with pytest.raises(NotFound, match="0:0:0: it has been discarded already"):
            act()
    with pytest.raises(NotFound, match="there is no failed message 0:0:1"):
        failed.retry(Place(0, 0, 1), WHO)
    assert failed.retry_all(WHO) == ({}, None)


def test_a_discarded_message_loses_its_value_and_the_action_is_recorded(
    store: Store, failed: FailedMessages, connection: psycopg.Connection
) -> None:
    write(store, record(0, b"x", b"{"), record(1, b"x", b"["))
    failed.discard(Place(0, 0, 0), WHO)
    assert states(connection) == [(0, "discarded", None), (1, "new", b"[")]
    rows = connection.execute("SELECT who, command, target, reason FROM operator_log").fetchall()
    assert rows == [("an operator", "failed discard", "0:0:0", "useless")]


def test_showing_an_unmasked_value_is_recorded(
    store: Store, failed: FailedMessages, connection: psycopg.Connection
) -> None:
    write(store, record(0, b"x", b"{"))
    assert failed.show(Place(0, 0, 0))["value"] == b"{"
    assert connection.execute("SELECT count(*) FROM operator_log").fetchone() == (0,)
    assert failed.unmask(Place(0, 0, 0), WHO)["value"] == b"{"
    rows = connection.execute("SELECT who, command, target FROM operator_log").fetchall()
    assert rows == [("an operator", "failed show --unmask", "0:0:0")]


@pytest.mark.parametrize(
    ("page", "page_bytes"), [(3, 10**9), (500, 40), (500, 1)], ids=["by number", "by bytes", "one by one"]
)
def test_messages_are_retried_in_pages(
    store: Store,
    retry: Retry,
    connection: psycopg.Connection,
    monkeypatch: pytest.MonkeyPatch,
    page: int,
    page_bytes: int,
) -> None:
    monkeypatch.setattr(retrying, "_PAGE", page)
    monkeypatch.setattr(retrying, "_PAGE_BYTES", page_bytes)
    write(store, *(record(n, b"x", b"{" * 10) for n in range(4)))
    write(store, melding(1, offset=4), *(record(n, b"x", b"{" * 10) for n in range(5, 8)))
    assert retry.partition(0) == {"failed": 7}
    rows = connection.execute("SELECT DISTINCT attempts FROM failed_message").fetchall()
    assert rows == [(2,)]


def test_a_retry_leaves_other_partitions_alone(store: Store, retry: Retry) -> None:
    write(store, record(0, b"x", b"{", partition=1), record(0, b"x", b"{", partition=2))
    assert retry.partition(2) == {"failed": 1}
    assert retry.one(Place(0, 1, 0), ("new",)) == {"failed": 1}
    assert retry.one(Place(0, 1, 0), ("superseded",)) == {}


def test_the_age_of_a_failed_message_begins_when_it_is_parked(
    store: Store, database: Database, connection: psycopg.Connection
) -> None:
    write(store, record(0, b"x", b"{"))
    connection.execute("UPDATE failed_message SET created_at = now() - interval '31 days'")
    with database.transaction() as tx:
        ((_, messages, oldest),) = tx.run("count_failed", topic=TOPIC)
    assert messages == 1
    assert 31 * 86_400 <= oldest < 32 * 86_400
