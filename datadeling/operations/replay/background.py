"""Run requested replays one after the other inside a consumer process, beside its live work.

In the cluster only the application can reach its database, so an operator's machine cannot run them.
"""

import time
from threading import Event, Thread

import structlog

from datadeling.config import ConsumerConfig
from datadeling.consumer.health import Health
from datadeling.db.database import Database
from datadeling.errors import BrokerUnavailable, Busy, DatabaseUnavailable, DatadelingError
from datadeling.log import frames
from datadeling.operations.replay.jobs import Jobs
from datadeling.operations.replay.partition import Progress
from datadeling.operations.replay.runner import Runner, Setting

_CHECK_EVERY = 5.0  # seconds
_STOP_TIMEOUT = 3.0  # seconds
_BATCH = 250  # messages: the live consumer waits for the lock while one of these is written

log = structlog.get_logger(__name__)


class Background:
    """A thread of the consumer process."""

    def __init__(self, config: ConsumerConfig) -> None:
        self._config = config
        self._stop = Event()
        self._thread: Thread | None = None
        self._give_up_at = 0.0

    def start(self, health: Health) -> None:
        """Check for requested replays every 5 s from now on; they give way while `health` has a lag."""
        self._thread = Thread(target=self._work, args=(health,), name="replays", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write the batch in hand, and leave the rest to the next consumer. Returns at once."""
        if not self._stop.is_set():
            self._give_up_at = time.monotonic() + _STOP_TIMEOUT
        self._stop.set()

    def join(self) -> None:
        """Wait for the thread, until 3 s after `stop` at most; a daemon thread does not keep the process."""
        if self._thread is not None:
            self._thread.join(max(0.0, self._give_up_at - time.monotonic()))

    def _work(self, health: Health) -> None:
        database = Database(self._config.db_url, "datadeling replays")
        jobs = Jobs(database, self._config.kafka.topic)
        setting = Setting(self._config.kafka, self._config.db_url, _BATCH, lambda: health.lag)
        while not self._stop.wait(_CHECK_EVERY):
            try:
                for row in jobs.waiting():
                    self._run(Runner(setting, jobs), row.id, jobs)
            except DatabaseUnavailable:
                continue  # the live consumer logs it
            except Exception as error:  # noqa: BLE001 (no error of a replay may end the consumer)
                log.error("replay_check_failed", error=type(error).__name__, at=frames(error))  # noqa: TRY400
        database.close()

    def _run(self, runner: Runner, replay: int, jobs: Jobs) -> None:
        """Run a replay. Its row keeps any error: none may end the consumer."""
        if self._stop.is_set():
            return
        bound = log.bind(replay=replay)
        try:
            row = runner.run(jobs.get(replay), self._stop, _no_report)
        except (Busy, BrokerUnavailable, DatabaseUnavailable):
            return  # tried again at the next check
        except DatadelingError as error:
            bound.warning("replay_failed", error=f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001
            bound.error("replay_failed", error=type(error).__name__, at=frames(error))
        else:
            bound.info("replay_ended", state=row.state)


def _no_report(_: Progress) -> None:
    """Do nothing: the database has the progress."""
