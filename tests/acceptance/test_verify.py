"""`datadeling verify` as an operator runs it, beside a running consumer."""

import json
import signal
from collections.abc import Callable

import psycopg
import pytest

from datadeling.pipeline.message import Message
from tests.acceptance.conftest import Run, Setting
from tests.acceptance.operating import Operator, Stored
from tests.hendelser import FNR, avtale_id, melding, tombstone
from tests.waiting import wait_until

EARLIER, LATER = "2022-01-01T00:00:00Z", "2022-03-04T08:46:39Z"
CONTENT = "SELECT md5(string_agg(avtale::text, '' ORDER BY avtale_id)) FROM avtale"


def counts(**some: int) -> dict[str, int]:
    names = ("equal", "missing", "different", "surplus", "in_flight", "topic_older", "parked", "beyond_log")
    return {**dict.fromkeys(names, 0), **some}


def test_rows_that_lost_a_column_are_repaired(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([melding(n, partition=n % 3) for n in range(3_000)])
    before = connection.execute(CONTENT).fetchone()
    connection.execute("UPDATE avtale SET bedrift_nr = NULL WHERE avtale_nr < 1000")

    output = operator.run("verify", code=1)
    assert "bedrift_nr" in output
    assert avtale_id(0) in output
    assert FNR not in output
    report = json.loads(operator.run("verify", "--json", code=1))
    assert report["avtaler"] == counts(equal=2_000, different=1_000)
    assert report["columns"] == {"bedrift_nr": 1_000}
    assert (report["messages"], report["faults"], report["left"]) == (3_000, 1_000, None)

    mark = connection.execute("SELECT pg_current_xact_id()::text::bigint").fetchone()
    mended = operator.json("verify", "--repair")
    assert mended["left"] == {"missing": 0, "different": 0, "surplus": 0}
    assert mended["faults"] == 0
    written = "SELECT count(*) FROM avtale WHERE xmin::text::bigint > %s"
    assert connection.execute(written, mark).fetchone() == (1_000,)
    assert connection.execute(CONTENT).fetchone() == before
    assert operator.json("verify")["avtaler"] == counts(equal=3_000)
    assert "3000 messages on the topic, 0 of them cannot be read" in operator.run("verify")


def test_missing_rows_are_repaired_and_surplus_ones_deleted(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([*(melding(n, partition=1) for n in range(50)), tombstone(7, offset=0, partition=1)])
    connection.execute("DELETE FROM avtale WHERE avtale_nr = 1")
    # Avtaler whose tombstones were lost: one before it was sent, one after compaction has taken it away.
    connection.execute("DELETE FROM avtale_slettet")
    for number, offset in ((7, 7), (99, 20)):
        connection.execute(
            """INSERT INTO avtale SELECT (jsonb_populate_record(avtale, jsonb_build_object(
               'avtale_id', %s::text, 'avtale_nr', %s::int, 'kafka_offset', %s::int))).*
               FROM avtale WHERE avtale_nr = 2""",
            (avtale_id(number), number, offset),
        )
    report = json.loads(operator.run("verify", "--json", code=1))
    assert report["avtaler"] == counts(equal=48, missing=1, surplus=2)
    assert report["examples"]["missing"] == [avtale_id(1)]
    assert set(report["examples"]["surplus"]) == {avtale_id(7), avtale_id(99)}

    assert "left: missing 0, different 0, surplus 2" in operator.run("verify", "--repair", code=1)
    assert "--reason" in operator.run("verify", "--delete-surplus", code=2)
    assert "--reason" in operator.run("verify", "--delete-surplus", "--reason", " ", code=2)
    because = ("--delete-surplus", "--reason", "lost tombstones", "--by", "Z999999")
    assert operator.json("verify", *because)["deleted"] == 2
    markers = connection.execute("SELECT avtale_id::text, kafka_offset FROM avtale_slettet ORDER BY 1")
    assert markers.fetchall() == [(avtale_id(7), 50), (avtale_id(99), 50)]
    log = connection.execute("SELECT who, command, target, reason FROM operator_log ORDER BY target")
    assert log.fetchall() == [
        ("Z999999", "verify --delete-surplus", avtale_id(n), "lost tombstones") for n in (7, 99)
    ]
    assert operator.json("verify", "--repair")["avtaler"] == counts(equal=49)


def test_messages_in_flight_are_no_fault(
    run: Run,
    consumer: Setting,
    operator: Operator,
    produce: Callable[[list[Message]], None],
    connection: psycopg.Connection,
) -> None:
    run(consumer.env, "consume")
    for turn in range(4):
        edited = EARLIER if turn == 2 else LATER
        produce([melding(n, partition=n % 3, sistEndret=edited, versjon=turn) for n in range(4_000)])
        produce([tombstone(n, offset=0, partition=n % 3) for n in range(turn * 100, turn * 100 + 50)])
        report = operator.json("verify")  # ends with 0
        assert report["faults"] == 0
        assert sum(report["avtaler"].values()) <= 4_000

    def is_handled() -> bool:
        row = connection.execute("SELECT sum(next_offset)::int FROM consumer_offset").fetchone()
        return row == (4 * 4_050,)

    wait_until(is_handled, "everything is handled")
    assert operator.json("verify")["avtaler"] == counts(equal=3_950)


@pytest.mark.parametrize(
    "locked", [pytest.param("avtale", id="comparing"), pytest.param("consumer_offset", id="at its start")]
)
def test_ctrl_c_interrupts_it(
    locked: str, stored: Stored, run: Run, consumer: Setting, connection: psycopg.Connection
) -> None:
    stored([melding(1)])
    waiting = """
        SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'datadeling operator' AND wait_event_type = 'Lock'
    """

    def is_waiting() -> bool:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        return connection.execute(waiting).fetchone() == (1,)

    with connection.transaction():
        connection.execute(f"LOCK TABLE {locked}")
        verify = run(consumer.env, "verify")
        wait_until(is_waiting, "it waits for the table")
        verify.process.send_signal(signal.SIGINT)
        assert verify.process.wait(20) == 130
    assert verify.output == "datadeling: interrupted\n"


def test_a_missing_broker_is_named(db_url: str) -> None:
    output = Operator({"DB_URL": db_url, "KAFKA_TOPIC": "t"}).run("verify", code=2)
    assert output == "datadeling: KAFKA_BROKERS is not set\n"
