"""A replay that is interrupted at any point and resumed writes and counts everything once."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Literal, NamedTuple

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from hypothesis import given, settings
from hypothesis import strategies as st

from datadeling.config import KafkaConfig
from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.errors import BrokerUnavailable, Busy, DatabaseUnavailable
from datadeling.operations.replay.jobs import Jobs
from datadeling.operations.replay.partition import Setting
from datadeling.operations.replay.runner import Runner
from datadeling.pipeline.message import Message
from datadeling.pipeline.tally import Tally
from tests.conftest import fresh_database
from tests.hendelser import avtale_id, melding, record, tombstone
from tests.integration.brittle import Brittle
from tests.integration.inside import Inside
from tests.integration.operations.replay.replaying import Handled, ask, events, unreported
from tests.integration.plans import REFUSED

TOPIC = "avtaler-cut-off"
_PATIENCE = 120.0  # seconds
LOG = [
    melding(1, offset=0),
    melding(1, offset=1, avtaleStatus="AVSLUTTET"),
    melding(2, offset=2, bedriftNr=REFUSED),
    melding(3, offset=3),
    record(4, avtale_id(4).encode(), b"{"),
    melding(5, offset=5, bedriftNr=REFUSED),
    melding(3, offset=6, sistEndret="2022-03-04T08:46:39Z"),
    tombstone(1, offset=7),
    melding(1, offset=8),
    melding(6, offset=0, partition=1),
    melding(7, offset=1, partition=1),
]


class Strike(NamedTuple):
    """A fault: after `number` exchanges the connection is lost or the process dies.

    For "unanswered" the response to a commit is lost, after `number` other commits.
    """

    kind: Literal["killed", "died", "unanswered"]
    number: int


class Died(Exception):
    """Stands for the end of a process: the package does not handle it."""


class World:
    """A topic and a database for all examples. `strikes` are the faults of the next run, last first."""

    strikes: list[Strike]

    def __init__(self, url: str, connection: psycopg.Connection, brokers: str) -> None:
        self.connection = connection
        self.inside = Inside(connection)
        self.database = Database(url, "test")
        self.jobs = Jobs(self.database, TOPIC)
        self._producer = Producer({"bootstrap.servers": brokers})
        self.inside.clear()
        Handled(self.database, TOPIC, self._produce).take(*LOG, partitions=2)
        self.tables = self.inside.tables()
        self.runner = Runner(Setting(KafkaConfig(brokers, TOPIC, "", None), url, batch_size=4), self.jobs)

    def lose(self) -> None:
        """Delete the rows that a replay restores, and all earlier replays."""
        self.connection.execute("TRUNCATE avtale, avtale_historikk, failed_message, replay_job CASCADE")

    def kill(self, backend: int) -> None:
        self.connection.execute("SELECT pg_terminate_backend(%s, 20000)", (backend,))

    def run(self) -> None:
        """Run a replay, and resume it until it is done.

        `Busy`: the server has not yet noticed that the connection with the claim is closed.
        """
        replay = ask(self.jobs)
        give_up_at = time.monotonic() + _PATIENCE
        while time.monotonic() < give_up_at:
            try:
                if self.runner.run(self.jobs.get(replay), Event(), unreported).state == "done":
                    return
            except (Died, BrokerUnavailable, DatabaseUnavailable):
                continue
            except Busy:
                time.sleep(0.01)
        raise AssertionError("the replay has not finished")

    def _produce(self, messages: list[Message]) -> None:
        for m in messages:
            self._producer.produce(
                TOPIC, m.value, m.key, m.partition, timestamp=int(m.timestamp.timestamp() * 1_000)
            )
        assert self._producer.flush(30) == 0


def struck_by(world: World) -> Callable[[str, str], Database]:
    """Return a subclass of `Database` to which the faults happen one after the other."""

    class Struck(Brittle):
        def __init__(self, url: str, application: str) -> None:
            super().__init__(url, application)
            self._arm()

        @contextmanager
        def transaction(self) -> Iterator[Transaction]:
            try:
                with super().transaction() as tx:
                    yield tx
            finally:
                if self.struck:
                    self._arm()

        def _arm(self) -> None:
            self.recover()
            match world.strikes.pop() if world.strikes else None:
                case Strike("killed", number):
                    self.die(number, world.kill)
                case Strike("died", number):
                    self.die(number, self._end)
                case Strike("unanswered", number):
                    self.lose_answer(number)

        def _end(self, backend: int) -> None:
            world.kill(backend)
            raise Died

    return Struck


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    postgres, template = request.getfixturevalue("postgres"), request.getfixturevalue("_template")
    brokers = request.getfixturevalue("kafka").brokers
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.create_topics([NewTopic(TOPIC, 2, 1, config={"retention.ms": "-1"})])[TOPIC].result(30)
    options = "-c timezone=UTC -c client_min_messages=warning"
    with (
        fresh_database(postgres, template) as (_, url),
        psycopg.connect(url, autocommit=True, options=options) as connection,
        pytest.MonkeyPatch.context() as patched,
    ):
        world = World(url, connection, brokers)
        patched.setattr("datadeling.operations.replay.runner.Database", struck_by(world))
        patched.setattr("datadeling.consumer.health._SHORTEST_BACKOFF", 0.001)
        patched.setattr("datadeling.operations.replay.partition._WAIT", 0.02)
        yield world
        world.database.close()
    admin.delete_topics([TOPIC])[TOPIC].result(30)


def check(world: World) -> None:
    """Check that every row is restored, and that every message is counted once."""
    assert world.inside.tables() == world.tables
    assert events(world.connection) == {0: 9, 1: 2}
    for one in world.jobs.partitions(world.jobs.listed(1)[0].id):
        assert (one.next_offset, Tally.from_dict(one.tally).messages) == (one.to_offset, one.events)


@settings(max_examples=40)
@given(
    st.lists(
        st.one_of(
            st.builds(Strike, st.sampled_from(("killed", "died")), st.integers(0, 40)),
            st.builds(Strike, st.just("unanswered"), st.integers(0, 5)),
        ),
        max_size=4,
    )
)
def test_an_interrupted_replay_restores_the_same_tables(world: World, strikes: list[Strike]) -> None:
    world.lose()
    world.strikes = list(strikes)
    world.run()
    check(world)


@pytest.mark.parametrize("commit", range(9))
def test_a_commit_without_a_response_is_not_written_again(commit: int, world: World) -> None:
    world.lose()
    world.strikes = [Strike("unanswered", commit)]
    world.run()
    check(world)
