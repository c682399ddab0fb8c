"""The operator's commands, beside a running consumer."""

from base64 import b64decode
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer

from datadeling.pipeline.message import Message
from datadeling.pipeline.partitioner import partition_of
from tests.acceptance.conftest import Setting
from tests.acceptance.operating import Operator, Stored
from tests.acceptance.processes import call
from tests.hendelser import FNR, avtale_id, encoded, hendelse, melding, record
from tests.services import Kafka
from tests.waiting import wait_until


def bad(number: int, **fields: Any) -> Message:
    return record(0, avtale_id(number).encode(), encoded(hendelse(number, **fields)), partition=1)


def test_failed_messages_are_listed_shown_retried_and_discarded(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([melding(3, partition=1), bad(1, avtaleNr="x"), bad(2, versjon=None)])
    rows = operator.json("failed", "list")
    assert [(row["id"], row["state"], row["reason"], row["key"]) for row in rows] == [
        ("0:1:1", "new", "invalid_field", avtale_id(1)),
        ("0:1:2", "new", "invalid_field", avtale_id(2)),
    ]
    table = operator.run("failed", "list")
    assert "0:1:1" in table
    assert "2 failed messages" in table

    # A retry of the same bytes fails again.
    assert "failed 2" in operator.run("failed", "retry", "--all", code=1)
    connection.execute(
        "UPDATE failed_message SET value = %s WHERE kafka_offset = 1", (encoded(hendelse(1)),)
    )  # simulates a release that can read it
    assert operator.json("failed", "retry", "0:1:1") == {"new": 1}
    assert operator.json("failed", "list", "--state", "resolved")[0]["value_bytes"] is None

    # An ID that does not exist keeps no other from being discarded.
    output = operator.run(
        "failed", "discard", "0:1:9", "0:1:2", "--reason", "the producer sent it again", code=1
    )
    assert "discarded 0:1:2" in output
    assert "there is no failed message 0:1:9" in output
    assert "discarded already" in operator.run("failed", "retry", "0:1:2", code=1)
    assert operator.json("failed", "list", "--state", "new") == []


def test_personal_data_is_masked_without_unmask(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([bad(1, avtaleNr="x")])
    for as_json in ([], ["--json"]):
        output = operator.run("failed", "show", "0:1:0", *as_json)
        assert FNR not in output
        assert "Kåre" not in output
        assert "ARBEIDSTRENING" in output
    value = encoded(hendelse(1, avtaleNr="x"))
    shown = operator.json("failed", "show", "0:1:0", "--unmask", "--by", "Z999999")
    assert shown["value"] == value.decode()
    assert b64decode(shown["value_base64"]) == value
    assert FNR in operator.run("failed", "show", "0:1:0", "--unmask")
    rows = connection.execute("SELECT who, target FROM operator_log ORDER BY id").fetchall()
    assert rows[0] == ("Z999999", "0:1:0")
    assert len(rows) == 2


def test_an_avtale_is_deleted_beside_the_consumer(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([melding(1, partition=2), melding(2, partition=2)])
    erased = operator.json("delete", "--avtale", avtale_id(1).upper(), "--reason", "asked for")
    assert erased == {
        "avtale_id": avtale_id(1), "avtaler": 1, "versions": 0, "failed": 0, "marker": "0:2:1",
    }  # fmt: skip
    assert connection.execute("SELECT avtale_id::text FROM avtale").fetchall() == [(avtale_id(2),)]
    unknown = operator.run("delete", "--avtale", avtale_id(9), "--reason", "asked for", code=1)
    assert avtale_id(9) in unknown
    assert "must be an avtaleId" in operator.run("delete", "--avtale", FNR, "--reason", "x", code=2)


def test_offsets_are_listed_and_a_new_generation_begins(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([melding(n, partition=n % 3) for n in range(30)])
    rows = operator.json("offsets", "list")
    assert [(r["partition"], r["generation"], r["next_offset"], r["high"], r["lag"]) for r in rows] == [
        (p, 0, 10, 10, 0) for p in range(3)
    ]
    raised = operator.json("offsets", "new-generation", "--reason", "partitions were added")
    assert (raised["generation"], raised["from_beginning"]) == (1, False)
    stored([melding(n, partition=n % 3, avtaleStatus="AVSLUTTET") for n in range(30)])
    row = connection.execute("SELECT count(*) FROM avtale WHERE generation = 1").fetchone()
    assert row == (30,)


def test_a_deleted_avtale_stays_deleted_in_a_new_generation(
    stored: Stored, operator: Operator, connection: psycopg.Connection
) -> None:
    stored([melding(n, partition=partition_of(avtale_id(n).encode(), 3)) for n in range(30)])
    operator.run("delete", "--avtale", avtale_id(7), "--reason", "asked for")
    connection.execute("UPDATE operator_log SET tidspunkt = '2000-01-01'")
    operator.run("prune")  # however long ago
    raised = operator.json("offsets", "new-generation", "--from-beginning")
    assert (raised["generation"], raised["carried"]) == (1, 1)

    def read_again() -> bool:
        row = connection.execute("SELECT count(*) FROM avtale WHERE generation = 1").fetchone()
        return row == (29,)

    wait_until(read_again, "the topic has been read from its beginning")
    stored([])
    assert connection.execute("SELECT count(*) FROM avtale").fetchone() == (29,)


def test_offsets_are_listed_without_a_broker(stored: Stored, consumer: Setting) -> None:
    stored([melding(1)])
    alone = Operator({name: value for name, value in consumer.env.items() if name != "KAFKA_BROKERS"})
    assert alone.json("offsets", "list")[0]["high"] is None
    assert "KAFKA_BROKERS" in alone.run("offsets", "new-generation", code=2)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        pytest.param(["failed", "show", "7"], "generation:partition:offset", id="no ID"),
        pytest.param(["failed", "retry"], "give IDs, or --all", id="nothing to retry"),
        pytest.param(["failed", "discard", "0:0:0"], "--reason", id="no reason"),
        pytest.param(["delete", "--avtale", avtale_id(1), "--reason", " "], "--reason", id="empty reason"),
        pytest.param(
            ["offsets", "new-generation", "--from-offset", "3"], "partition:offset", id="no such offset"
        ),
    ],
)
def test_an_invalid_argument_is_named(arguments: list[str], named: str) -> None:
    env = {"DB_URL": "postgresql://nowhere/x", "KAFKA_TOPIC": "t"}
    assert named in Operator(env).run(*arguments, code=2)


def test_missing_variables_are_named() -> None:
    output = Operator({}).run("failed", "list", code=2)
    assert output.count("\n") == 1
    assert "DB_URL" in output
    assert "KAFKA_TOPIC" in output


def test_our_partitioner_is_that_of_the_producer(kafka: Kafka, topic: str) -> None:
    producer = Producer({"bootstrap.servers": kafka.brokers, "partitioner": "murmur2_random"})
    landed: dict[bytes, int] = {}

    def note(_: object, message: Any) -> None:
        landed[message.key()] = message.partition()

    for number in range(50):
        producer.produce(topic, b"x", avtale_id(number).encode(), on_delivery=note)
    producer.flush(30)
    assert landed == {key: partition_of(key, 3) for key in landed}
    assert len(landed) == 50


def test_the_metrics_of_the_alerts_are_exported(stored: Stored, consumer: Setting) -> None:
    stored([bad(1, avtaleNr="x")])
    metrics = call(f"{consumer.url}/internal/prometheus").body
    assert 'datadeling_service_available{service="database"} 1.0' in metrics
    assert "datadeling_oldest_new_failed_message_seconds" in metrics
