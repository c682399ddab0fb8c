"""`datadeling consume` as a process: rows stored, health, metrics, exit codes and errors."""

from pathlib import Path

import psycopg
import pytest
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

from datadeling.demo.generator import generate_events, siste_tilstand
from datadeling.demo.process import free_port
from datadeling.pipeline.message import Message
from tests.acceptance.conftest import Run, Setting
from tests.acceptance.operating import Produce
from tests.acceptance.processes import call, handled, number, wait_until_handled
from tests.hendelser import EPOCH, avtale_id, melding, record
from tests.oracle import Entry, expected
from tests.services import Kafka
from tests.strategies import to_message
from tests.waiting import wait_until


def test_it_stores_messages_and_leaves_the_group_when_terminated(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection, kafka: Kafka
) -> None:
    produce([*(melding(n, partition=n % 3) for n in range(300)), record(0, b"x", b"{")])
    process = run(consumer.env, "consume")
    process.answers(f"{consumer.url}/internal/health/readiness")
    wait_until_handled(connection, 301)
    assert number(connection, "SELECT count(*) FROM avtale") == 300
    assert number(connection, "SELECT count(*) FROM failed_message") == 1

    assert call(f"{consumer.url}/internal/health/liveness").status == 200
    metrics = f"{consumer.url}/internal/prometheus"
    expected = 'datadeling_events_total{outcome="new"} 300.0'  # of what is committed, at the next turn
    wait_until(lambda: expected in call(metrics).body, "the metrics count all messages")
    assert 'datadeling_consumer_lag{partition="2"} 0.0' in call(metrics).body

    assert process.terminate(timeout=10) == 0
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    group = consumer.env["KAFKA_GROUP_ID"]
    assert admin.describe_consumer_groups([group])[group].result(30).state == ConsumerGroupState.EMPTY


def test_a_killed_consumer_resumes_where_it_stopped(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection
) -> None:
    # Each partition has a log of its own, with every avtale on one partition.
    logs = [[_entry(partition, place) for place in range(6_667)] for partition in range(3)]
    produce([to_message(e)._replace(partition=p) for p, log in enumerate(logs) for e in log])
    for goal in (2_000, 9_000, 15_000):
        process = run(consumer.env, "consume")
        wait_until(lambda goal=goal: handled(connection) >= goal, f"{goal} are handled")  # type: ignore[misc]
        process.kill()
    run(consumer.env, "consume")
    wait_until_handled(connection, 20_001)

    present = connection.execute("SELECT avtale_id::text, avtale_status, kafka_offset FROM avtale").fetchall()
    folds = [expected(log) for log in logs]
    assert sorted(present) == sorted((i, s, o) for f in folds for i, (_, s, o, _) in f.present.items())
    history = connection.execute(
        "SELECT avtale_id::text, avtale_status, gyldig_fra, gyldig_til FROM avtale_historikk"
    ).fetchall()
    assert sorted(history) == sorted(row for fold in folds for row in fold.history)
    assert number(connection, "SELECT count(*) FROM failed_message") == 0


def _entry(partition: int, place: int) -> Entry:
    """Create a message of one of 1,700 avtaler, with an edit time in no order and a new state."""
    number = place * 7_919 % 1_667 * 3 + partition + 1
    return Entry(place, avtale_id(number), EPOCH, place * 31 % 10, f"STATUS_{place % 13}")


def test_generated_events_are_stored(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection
) -> None:
    records = list(generate_events(751, seed=751))
    produce([Message(hash_partition(r.key), 0, EPOCH, r.key, r.value) for r in records])
    run(consumer.env, "consume")
    wait_until_handled(connection, 751)
    wanted = siste_tilstand(records)
    rows = connection.execute(
        "SELECT avtale_id::text, avtale_status, avtale_nr, deltaker_fnr FROM avtale"
    ).fetchall()
    assert {row[0]: row[1:] for row in rows} == {
        i: (m["avtaleStatus"], m["avtaleNr"], m["deltakerFnr"]) for i, m in wanted.items()
    }
    assert number(connection, "SELECT count(*) FROM failed_message") == 0


def hash_partition(key: bytes) -> int:
    """Return a partition that depends on the key alone."""
    return sum(key) % 3


def test_it_migrates_before_it_consumes(
    run: Run, consumer: Setting, empty_db_url: str, produce: Produce
) -> None:
    produce([melding(1)])
    run({**consumer.env, "DB_URL": empty_db_url}, "consume")
    wait_until(lambda: _count_of(empty_db_url) == 1, "the row is there")


def _count_of(url: str) -> int:
    with psycopg.connect(url) as connection:
        try:
            return number(connection, "SELECT count(*) FROM avtale")
        except psycopg.errors.UndefinedTable:
            return 0


def test_it_is_alive_and_not_ready_without_a_database(run: Run, consumer: Setting) -> None:
    env = {**consumer.env, "DB_URL": f"postgresql://postgres@127.0.0.1:{free_port()}/x"}
    process = run(env, "consume")
    process.answers(f"{consumer.url}/internal/health/liveness")
    answer = call(f"{consumer.url}/internal/health/readiness")
    assert answer.status == 503
    assert "database unreachable" in answer.body
    process.terminate()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"KAFKA_TOPIC": ""}, "KAFKA_TOPIC", id="missing"),
        pytest.param({"BATCH_SIZE": "x"}, "BATCH_SIZE", id="malformed"),
        pytest.param({"KAFKA_CA_PATH": "/nowhere"}, "KAFKA_CERTIFICATE_PATH", id="half of TLS"),
    ],
)
def test_an_invalid_environment_is_one_line_and_exit_code_2(
    run: Run, consumer: Setting, change: dict[str, str], named: str
) -> None:
    process = run({**consumer.env, **change}, "consume")
    assert process.process.wait(30) == 2
    assert process.output.count("\n") == 1
    assert named in process.output


def test_invalid_certificate_files_are_one_line_and_exit_code_2(
    run: Run, consumer: Setting, tmp_path: Path
) -> None:
    names = ("KAFKA_CA_PATH", "KAFKA_CERTIFICATE_PATH", "KAFKA_PRIVATE_KEY_PATH")
    (tmp_path / "no.pem").write_text("hemmelig", "utf-8")
    process = run({**consumer.env, **dict.fromkeys(names, str(tmp_path / "no.pem"))}, "consume")
    assert process.process.wait(30) == 2
    last = process.output.strip().splitlines()[-1]
    assert all(name in last for name in names)
    assert "hemmelig" not in process.output


def test_no_identity_number_is_logged(run: Run, consumer: Setting, produce: Produce) -> None:
    fnr = "12815698765"
    produce([melding(1, deltakerFnr=fnr), melding(2, partition=1, deltakerFnr=fnr, versjon="x" + fnr)])
    process = run({**consumer.env, "LOG_FORMAT": "text"}, "consume")
    process.answers(f"{consumer.url}/internal/health/readiness")
    wait_until(
        lambda: 'outcome="failed"} 1.0' in call(f"{consumer.url}/internal/prometheus").body, "one fails"
    )
    assert fnr not in call(f"{consumer.url}/internal/prometheus").body
    process.terminate()
    assert fnr not in process.output
