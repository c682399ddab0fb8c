"""A topic that has been handled live, and who reads it again."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from datadeling.config import KafkaConfig
from datadeling.db.database import Database
from datadeling.operations.replay.jobs import Jobs
from datadeling.operations.replay.partition import Setting
from datadeling.operations.replay.runner import Runner
from tests.integration.consuming import Produce
from tests.integration.inside import Inside
from tests.integration.operations.replay.replaying import LOG, Claims, Handled
from tests.services import Kafka


@pytest.fixture
def config(kafka: Kafka, topic: str) -> KafkaConfig:
    return KafkaConfig(kafka.brokers, topic, "", None)


@pytest.fixture
def jobs(database: Database, topic: str) -> Jobs:
    return Jobs(database, topic)


@pytest.fixture
def setting(config: KafkaConfig, db_url: str) -> Setting:
    return Setting(config, db_url, batch_size=3)


@pytest.fixture
def handled(database: Database, topic: str, produce: Produce) -> Handled:
    return Handled(database, topic, produce)


@pytest.fixture
def claims(db_url: str, connection: psycopg.Connection) -> Iterator[Claims]:
    with ExitStack() as stack:
        yield Claims(db_url, stack, connection)


@pytest.fixture
def inside(connection: psycopg.Connection) -> Inside:
    return Inside(connection)


@pytest.fixture
def runner(setting: Setting, jobs: Jobs) -> Runner:
    return Runner(setting, jobs)


@pytest.fixture
def log(handled: Handled) -> None:
    handled.take(*LOG)
