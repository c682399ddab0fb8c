"""Runs the replays that are asked for, one after the other, inside a consumer process beside its live work.

In the cluster only the application reaches its database, so nobody else can.
"""

import time
from threading import Event, Thread

import structlog

from datadeling.config import ConsumerConfig
from datadeling.consumer.health import Health
from datadeling.db.database import Database
from datadeling.errors import BrokerUnavailable, Busy, DatabaseUnavailable, DatadelingError
from datadeling.operations.replay.jobs import Jobs
from datadeling.operations.replay.progress import Progress
from datadeling.operations.replay.runner import Runner, Setting

_LOOK_EVERY = 5.0  # seconds
_LAST_BATCH = 3.0  # seconds that the end may take
_BATCH = 250  # messages: as long as one of these is written, the live consumer has to wait

log = structlog.get_logger(__name__)


class Background:
    """A thread of the consumer's process. One worker: the rest of the processor is the live consumer's."""

    def __init__(self, config: ConsumerConfig) -> None:
        self._config = config
        self._stop = Event()
        self._thread: Thread | None = None
        self._last = 0.0

    def start(self, health: Health) -> None:
        """Look for replays now and then, from now on; they give way when `health` tells of a lag."""
        self._thread = Thread(target=self._work, args=(health,), name="replays", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write the batch in hand, and leave the rest to the next consumer. Returns at once."""
        if not self._stop.is_set():
            self._last = time.monotonic() + _LAST_BATCH
        self._stop.set()

    def join(self) -> None:
        """Wait for that, until 3 s after `stop` at most; the thread holds up no process that ends."""
        if self._thread is not None:
            self._thread.join(max(0.0, self._last - time.monotonic()))

    def _work(self, health: Health) -> None:
        database = Database(self._config.db_url, "datadeling replays")
        jobs = Jobs(database, self._config.kafka.topic)
        setting = Setting(self._config.kafka, self._config.db_url, 1, _BATCH, lambda: health.lag)
        while not self._stop.wait(_LOOK_EVERY):
            try:
                for row in jobs.waiting():
                    self._run(Runner(setting, jobs), row.id, jobs)
            except DatabaseUnavailable:
                continue  # the live consumer says so
            except Exception as fault:  # noqa: BLE001 (nothing of a replay's may end the consumer)
                log.error("replays_not_looked_for", error=type(fault).__name__)  # noqa: TRY400 (a trace quotes)
        database.close()

    def _run(self, runner: Runner, replay: int, jobs: Jobs) -> None:
        """Whatever goes wrong with a replay stands in its row; it must not stop the consumer."""
        if self._stop.is_set():
            return
        telling = log.bind(replay=replay)
        try:
            row = runner.run(jobs.get(replay), self._stop, _look)
        except (Busy, BrokerUnavailable, DatabaseUnavailable):
            return  # later, when the other one has ended, or the service is back
        except DatadelingError as fault:
            telling.warning("replay_failed", error=f"{type(fault).__name__}: {fault}")
        except Exception as fault:  # noqa: BLE001
            telling.error("replay_failed", error=type(fault).__name__)
        else:
            telling.info("replay_left", state=row.state)


def _look(_: Progress) -> None:
    """How far it has come can be seen in the database."""
