"""The consumer as a process: health first, then the schema, then the loop."""

import gc
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol

import structlog
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from datadeling.config import ConsumerConfig
from datadeling.consumer.batch import Batch
from datadeling.consumer.health import Health
from datadeling.consumer.loop import Loop
from datadeling.consumer.partitions import Partitions
from datadeling.consumer.server import serve_health
from datadeling.consumer.source import Source
from datadeling.consumer.topic import Topic
from datadeling.db.database import Database
from datadeling.db.migrate import migrate
from datadeling.errors import DatabaseUnavailable
from datadeling.metrics import ConsumerMetrics
from datadeling.pipeline.retry import Retry
from datadeling.pipeline.store import Store

# What is being asked of the database may take so long after a signal. With what the loop may still ask of a
# broker that says nothing (2 s) and with leaving the group (3 s), the process ends within 10 s.
_LAST_ANSWER = 3.0  # seconds

_SWITCH = 0.000_2  # seconds

RetentionStep = Callable[[Database], Mapping[str, int]]
"""Deletes a bounded part of what is too old; returns the rows by table, none when there is nothing left."""

log = structlog.get_logger(__name__)


class BackgroundTask(Protocol):
    """What else the process does while the loop turns, in threads of its own."""

    def start(self, health: Health) -> None:
        """Begin."""

    def stop(self) -> None:
        """Come to an end soon. Returns at once; a signal handler calls it."""

    def join(self) -> None:
        """Wait for the end, until 3 s after `stop` at most."""


def run_consumer(
    config: ConsumerConfig,
    on_signal: Callable[[Callable[[], None]], None],
    beside: BackgroundTask,
    retention: RetentionStep,
) -> None:
    """Consume until a signal calls what is handed to `on_signal`. Raises what `Loop.run` raises.

    Returns within 10 s of the signal whatever database and broker do; a batch in hand may be left to the next
    consumer then.

    While the schema is being migrated, and while there is no database to migrate, a signal ends the process
    as it would any other.
    """
    _share_the_processor()
    health = Health()
    registry = _registry()
    with serve_health(config.port, health, registry):
        _migrate(config.db_url, health)
        database = Database(config.db_url, "datadeling consume")
        try:
            loop = wire(config, Source(config.kafka), database, health, ConsumerMetrics(registry), retention)

            def stop() -> None:
                loop.stop()
                beside.stop()
                database.wind_up(_LAST_ANSWER)

            on_signal(stop)
            log.info("consumer_started", topic=config.kafka.topic, group=config.kafka.group_id)
            beside.start(health)
            loop.run()
            log.info("consumer_stopped")
        finally:
            beside.stop()
            beside.join()
            database.close()


def wire(
    config: ConsumerConfig,
    source: Source,
    database: Database,
    health: Health,
    metrics: ConsumerMetrics,
    retention: RetentionStep,
) -> Loop:
    """The loop with all that it works on."""
    name = config.kafka.topic
    store = Store(database, name, config.park_limit)
    partitions = Partitions(source, Topic(config.kafka), store, Retry(database, name), health, metrics)
    metrics.available.labels("database").set_function(lambda: float(health.database.available))
    metrics.available.labels("broker").set_function(lambda: float(health.broker.available))
    batch = Batch(config.batch_size, config.batch_wait, spare=config.batch_size)
    return Loop(source, partitions, store, partial(retention, database), batch, health, metrics)


def _share_the_processor() -> None:
    """Let the loop have the interpreter soon, and look for garbage less often.

    A replay in the background would keep the interpreter for 5 ms each time that the loop has waited for
    something. Garbage comes in whole batches, and none of it refers to itself: to look for it after every
    700 objects took 7 % of reading.
    """
    sys.setswitchinterval(_SWITCH)
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _migrate(db_url: str, health: Health) -> None:
    while True:
        try:
            applied = migrate(db_url)
        except DatabaseUnavailable as error:
            health.database.failed(str(error))
            time.sleep(health.database.pause_left())
        else:
            health.database.answered()
            log.info("schema_ready", applied=applied)
            return


def _registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
