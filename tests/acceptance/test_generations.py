"""New generations, as in the runbook: partitions are added, or the topic moves to another cluster."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic  # type: ignore[attr-defined]

from datadeling.consumer.partitions import ANOTHER_TOPIC
from datadeling.demo.process import free_port
from tests.acceptance.conftest import Run, Setting
from tests.acceptance.operating import Operator
from tests.acceptance.processes import call, number, wait_until_handled
from tests.hendelser import EPOCH, avtale_id
from tests.integration.storing import tables
from tests.oracle import Entry, Tables, expected
from tests.services import Kafka
from tests.strategies import to_message
from tests.waiting import wait_until

Send = Callable[[list[Entry]], None]


@pytest.fixture
def send(kafka: Kafka, topic: str) -> Send:
    """Send as the producer does: by key, to all present partitions, in order.

    Sends again what the broker refuses: its metadata may still be those of the deleted topic.
    """

    def send(log: list[Entry]) -> None:
        producer = Producer(
            {
                "bootstrap.servers": kafka.brokers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
            }
        )
        for m in map(to_message, log):
            producer.produce(topic, m.value, m.key, timestamp=int(m.timestamp.timestamp() * 1000))
        assert producer.flush(30) == 0

    return send


@pytest.fixture
def add_partitions(kafka: Kafka, topic: str) -> Callable[[], None]:
    """Return a function that adds three partitions."""
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    return lambda: admin.create_partitions([NewPartitions(topic, 6)])[topic].result(30)


def log_of(
    rng: random.Random, begin: int, size: int, *, avtaler: range, endret: tuple[int, ...]
) -> list[Entry]:
    """Create messages with few edit times: mostly changes of status, republished states and tombstones."""
    return [
        Entry(
            at,
            avtale_id(rng.choice(avtaler)),
            EPOCH + timedelta(minutes=at),
            rng.choice(endret),
            rng.choice("ABCD") if rng.random() > 0.1 else None,
        )
        for at in range(begin, begin + size)
    ]


def without_places(found: Tables) -> tuple[Any, ...]:
    """Return the content that does not depend on partitions and offsets."""
    present = {avtale: (endret, state, since) for avtale, (endret, state, _, since) in found.present.items()}
    return present, sorted(found.history), sorted(found.markers)


def lags(operator: Operator) -> list[int]:
    return [row["lag"] for row in operator.json("offsets", "list")]


def test_messages_on_added_partitions_are_read_again_in_a_new_generation(
    run: Run, consumer: Setting, send: Send, operator: Operator, connection: psycopg.Connection,
    add_partitions: Callable[[], None],
) -> None:  # fmt: skip
    rng = random.Random(3)
    log = log_of(rng, 0, 300, avtaler=range(60), endret=(0, 1, 2))
    run(consumer.env, "consume")
    send(log)
    wait_until_handled(connection, 300)
    add_partitions()
    assert lags(operator) == [0, 0, 0]
    raised = operator.json("offsets", "new-generation", "--reason", "six partitions")
    assert (raised["generation"], raised["from_beginning"]) == (1, False)

    later = log_of(rng, 300, 300, avtaler=range(80), endret=(1, 2, 3))
    send(later)
    # A new partition is read once the group has heard of it: within 5 minutes, or when a consumer joins.
    run({**consumer.env, "CONSUMER_PORT": str(free_port())}, "consume")
    wait_until_handled(connection, 600)
    assert lags(operator) == [0] * 6
    assert number(connection, "SELECT count(*) FROM consumer_offset WHERE generation = 1") == 6
    assert without_places(tables(connection)) == without_places(expected([*log, *later]))


def test_partitions_that_were_read_before_the_new_generation_are_read_again(
    run: Run, consumer: Setting, send: Send, operator: Operator, connection: psycopg.Connection,
    add_partitions: Callable[[], None],
) -> None:  # fmt: skip
    rng = random.Random(4)
    log = log_of(rng, 0, 300, avtaler=range(60), endret=(0,))
    run(consumer.env, "consume")
    send(log)
    wait_until_handled(connection, 300)
    add_partitions()
    run({**consumer.env, "CONSUMER_PORT": str(free_port())}, "consume")
    log += log_of(rng, 300, 200, avtaler=range(80), endret=(0,))
    send(log[300:])
    wait_until_handled(connection, 500)
    right, found = without_places(expected(log)), without_places(tables(connection))
    assert found[0].keys() - right[0].keys()  # deleted on a new partition, and still there
    assert any(found[0][avtale] != row for avtale, row in right[0].items())  # an older status

    again = [part for partition in (3, 4, 5) for part in ("--from-offset", f"{partition}:0")]
    raised = operator.json("offsets", "new-generation", *again, "--reason", "six partitions")
    assert (raised["generation"], raised["from_beginning"]) == (1, False)
    wait_until_handled(connection, 500)
    assert without_places(tables(connection)) == right
    log += log_of(rng, 500, 100, avtaler=range(80), endret=(0, 1))
    send(log[500:])
    wait_until_handled(connection, 600)
    assert without_places(tables(connection)) == without_places(expected(log))


def test_a_topic_moved_to_another_cluster_is_read_from_its_beginning(
    run: Run, consumer: Setting, send: Send, operator: Operator, connection: psycopg.Connection,
    kafka: Kafka, topic: str,
) -> None:  # fmt: skip
    rng = random.Random(5)
    log = log_of(rng, 0, 400, avtaler=range(60), endret=(0, 0, 1))
    process = run(consumer.env, "consume")
    send(log)
    wait_until_handled(connection, 400)
    erased = min(tables(connection).present)
    operator.run("delete", "--avtale", erased, "--reason", "case 1")
    left = [entry for entry in log if entry.avtale != erased]
    before = without_places(tables(connection))
    assert process.terminate() == 0

    # Stands for the other cluster: the same messages by key, but elsewhere, and one partition more.
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    admin.delete_topics([topic])[topic].result(30)
    admin.create_topics([NewTopic(topic, 4, 1, config={"retention.ms": "-1"})])[topic].result(30)
    send(sorted(log, key=lambda entry: entry.avtale[::-1]))
    run(consumer.env, "consume")
    stopped = [f"partition {partition} stopped: {ANOTHER_TOPIC}" for partition in range(4)]
    readiness = f"{consumer.url}/internal/health/readiness"
    wait_until(lambda: all(one in call(readiness).body for one in stopped), "all of it stands still")
    assert without_places(tables(connection)) == before

    raised = operator.json("offsets", "new-generation", "--reason", "moved to another cluster")
    assert (raised["generation"], raised["from_beginning"], raised["carried"]) == (1, True, 1)
    wait_until_handled(connection, 400)
    wait_until(lambda: call(readiness).status == 200, "nothing stands still")
    present, history, markers = without_places(expected(left))
    assert without_places(tables(connection)) == (present, history, sorted([*markers, erased]))
    assert number(connection, "SELECT count(*) FROM avtale WHERE generation = 0") == 0
    later = log_of(rng, 400, 100, avtaler=range(60, 80), endret=(0, 1))
    send(later)
    wait_until_handled(connection, 500)
    present, history, markers = without_places(expected([*left, *later]))
    assert without_places(tables(connection)) == (present, history, sorted([*markers, erased]))
