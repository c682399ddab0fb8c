"""During an outage a consumer waits, stays in its group, logs it once, and resumes by itself."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from datadeling.demo.kafka import EmbeddedKafka
from tests.acceptance.conftest import Run, Setting, by_way_of
from tests.acceptance.operating import Produce
from tests.acceptance.processes import Process, call, number, wait_until_handled
from tests.hendelser import melding
from tests.relay import Relay
from tests.services import Kafka
from tests.waiting import wait_until

GAUGE = 'datadeling_service_available{{service="{}"}} {:.1f}'


def lines(process: Process, message: str, service: str) -> list[dict[str, Any]]:
    """Return the consumer's log lines with this message about a service, so far."""
    parsed = (json.loads(line) for line in process.output.splitlines() if line.startswith("{"))
    return [line for line in parsed if (line["message"], line.get("service")) == (message, service)]


def is_reported(consumer: Setting, service: str, *, available: bool) -> bool:
    """Return True if readiness and the gauge report this state; fail when liveness is not 200."""
    ready = call(f"{consumer.url}/internal/health/readiness")
    assert call(f"{consumer.url}/internal/health/liveness").status == 200
    metrics = call(f"{consumer.url}/internal/prometheus").body
    state_is_right = ready.status == 200 if available else f"{service} unreachable" in ready.body
    return state_is_right and GAUGE.format(service, available) in metrics


def has_retried(process: Process, relay: Relay) -> Callable[[], bool]:
    """Return a condition that holds after ten more attempts of the consumer to connect."""
    before = relay.visitors

    def refused() -> bool:
        assert process.process.poll() is None, process.output
        return relay.visitors >= before + 10

    return refused


def test_the_consumer_waits_for_the_database_and_resumes(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection, kafka: Kafka
) -> None:
    with by_way_of(consumer) as (relay, env):
        process = run(env, "consume")
        process.answers(f"{consumer.url}/internal/health/readiness")
        relay.turn_away()
        produce([melding(n, partition=n % 3) for n in range(300)])
        wait_until(lambda: is_reported(consumer, "database", available=False), "it is_reported so")
        wait_until(has_retried(process, relay), "it has retried ten times")
        assert len(lines(process, "service_unavailable", "database")) == 1
        group = consumer.env["KAFKA_GROUP_ID"]
        admin = AdminClient({"bootstrap.servers": kafka.brokers})
        assert len(admin.describe_consumer_groups([group])[group].result(30).members) == 1

        relay.let_in()
        wait_until_handled(connection, 300)
        wait_until(lambda: is_reported(consumer, "database", available=True), "it is ready again")
        assert len(lines(process, "service_available", "database")) == 1
        assert number(connection, "SELECT count(*) FROM failed_message") == 0
        process.terminate()


def test_the_consumer_waits_for_the_broker_and_resumes(
    run: Run, consumer: Setting, connection: psycopg.Connection
) -> None:
    topic = consumer.env["KAFKA_TOPIC"]
    with EmbeddedKafka() as kafka:
        kafka.create_topic(topic, 1, {"retention.ms": "-1"})
        process = run({**consumer.env, "KAFKA_BROKERS": kafka.bootstrap_servers}, "consume")
        process.answers(f"{consumer.url}/internal/health/readiness")
        kafka.stop()
        wait_until(lambda: is_reported(consumer, "broker", available=False), "it is_reported so")
        kafka.start()
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
        for n in range(100):
            m = melding(n)
            producer.produce(topic, m.value, m.key, partition=0)
        assert producer.flush(30) == 0
        wait_until_handled(connection, 100)
        wait_until(lambda: is_reported(consumer, "broker", available=True), "it is ready again")
        for message in ("service_unavailable", "service_available"):
            assert len(lines(process, message, "broker")) == 1
        process.terminate()
