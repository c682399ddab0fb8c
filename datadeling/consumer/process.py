"""The consumer as a process: health first, then the schema, then the loop."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from threading import Event, Thread

import structlog
from prometheus_client import REGISTRY

from datadeling.config import ConsumerConfig
from datadeling.consumer.health import Health, retried, serve_health
from datadeling.consumer.loop import Loop, RetentionStep
from datadeling.consumer.source import Source
from datadeling.db.database import Database
from datadeling.db.migrate import migrate
from datadeling.errors import ConfigError, DatadelingError
from datadeling.log import frames
from datadeling.metrics import ConsumerMetrics

# Seconds after a signal for a database call in hand, and then for the work beside the loop. Together with a
# call to a silent broker (2 s) and with leaving the group (3 s), the process ends within 10 s.
_LAST_CALL = 3.0
_LAST_JOIN = 2.0

Background = Callable[[ConsumerConfig, Health, Event], None]
"""Work beside the loop, in a thread of its own, until the event is set."""

log = structlog.get_logger(__name__)


def run_consumer(
    config: ConsumerConfig,
    on_signal: Callable[[Callable[[], None]], None],
    background: Background,
    retention: RetentionStep,
) -> None:
    """Consume until a signal calls the function that is passed to `on_signal`. Raises like `Loop.run`.

    Returns within 10 s of the signal, whatever database and broker do; the batch in hand may be left to the
    next consumer. While the schema is being migrated or the database is away, a signal ends the process in
    its default way.
    """
    # A replay in the background would otherwise hold the interpreter for 5 ms whenever the loop has waited.
    sys.setswitchinterval(0.000_2)
    # A batch leaves no cycles behind: looking for them after every 700 objects is wasted.
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    health, stopping = Health(), Event()
    with _errors_logged(), serve_health(config.port, health, REGISTRY):
        applied = retried(partial(migrate, config.db_url), stopping, health.database)
        log.info("schema_ready", applied=applied)
        with closing(Database(config.db_url, "datadeling consume")) as database:
            source, metrics = Source(config.kafka), ConsumerMetrics(REGISTRY)
            loop = Loop(config, source, database, health, metrics, retention)
            thread = Thread(target=background, args=(config, health, stopping), daemon=True)

            def stop() -> None:
                loop.stop()
                stopping.set()
                database.wind_up(_LAST_CALL)

            on_signal(stop)
            log.info("consumer_started", topic=config.kafka.topic, group=config.kafka.group_id)
            thread.start()
            try:
                loop.run()
            finally:
                stopping.set()
                thread.join(_LAST_JOIN)
            log.info("consumer_stopped")


@contextmanager
def _errors_logged() -> Iterator[None]:
    """Log an unexpected error with its frames, without its text, which may quote values.

    Our own errors go on to the command line, which prints them; any other ends the process with 1 here.
    """
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:
        log.error("consumer_failed", error=type(error).__name__, at=frames(error))  # noqa: TRY400 (no text)
        if isinstance(error, DatadelingError):
            raise
        raise SystemExit(1) from None
