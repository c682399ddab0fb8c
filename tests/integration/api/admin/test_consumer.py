"""The state of the consumer over HTTP."""

from contextlib import AbstractContextManager

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from datadeling.consumer.health import Health, serve_health
from datadeling.db.database import Database
from datadeling.operations.action import OperatorAction
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.pipeline.store import Store
from tests.hendelser import melding, record
from tests.integration.api.admin.calls import Admin
from tests.integration.storing import PARK_LIMIT, TOPIC, write


@pytest.fixture
def health(consumer_port: int) -> AbstractContextManager[int]:
    return serve_health(consumer_port, Health(), CollectorRegistry())


def test_partitions_and_replays_are_those_of_the_database(
    store: Store, admin: Admin, database: Database, connection: psycopg.Connection
) -> None:
    write(store, melding(1, offset=0), *(record(n, b"x", b"{") for n in range(1, PARK_LIMIT)))
    write(store, *(record(n, b"y", b"{", partition=2) for n in range(PARK_LIMIT)))
    connection.execute("UPDATE failed_message SET state = 'discarded' WHERE kafka_offset = 1")
    jobs = Jobs(database, TOPIC)
    waiting, ended = (jobs.add(Request(), OperatorAction("x"), background=True) for _ in range(2))
    jobs.cancel(ended, OperatorAction("x"))
    state = admin.get("consumer")
    offsets = [
        (one["partition"], one["nextOffset"], one["unreadableInARow"], one["parkLimitReached"])
        for one in state["partitions"]
    ]
    assert offsets == [(0, PARK_LIMIT, PARK_LIMIT - 1, False), (2, PARK_LIMIT, PARK_LIMIT, True)]
    assert {one["generation"] for one in state["partitions"]} == {0}
    assert all(one["historikkFra"] and one["updatedAt"] for one in state["partitions"])
    assert state["failedMessages"] == {
        "new": 2 * PARK_LIMIT - 3, "resolved": 0, "superseded": 0, "discarded": 2,
    }  # fmt: skip
    assert [row["id"] for row in state["replays"]] == [waiting]
    assert state["health"] is None


def test_a_topic_that_was_never_read_has_no_partitions(admin: Admin) -> None:
    state = admin.get("consumer")
    assert (state["partitions"], state["replays"], set(state["failedMessages"].values())) == ([], [], {0})


def test_the_health_is_that_of_the_consumer(admin: Admin, consumer_port: int) -> None:
    health = Health()
    with serve_health(consumer_port, health, CollectorRegistry()):
        faults = ["migrating", "database unreachable", "broker unreachable"]
        assert admin.get("consumer")["health"] == {"ready": False, "faults": faults}
        health.record_turn()
        health.database.answered()
        health.broker.answered()
        assert admin.get("consumer")["health"] == {"ready": True, "faults": []}
        health.stopped[1] = "too many unreadable messages in a row"
        stopped = "partition 1 stopped: too many unreadable messages in a row"
        assert admin.get("consumer")["health"] == {"ready": False, "faults": [stopped]}
    assert admin.get("consumer")["health"] is None
