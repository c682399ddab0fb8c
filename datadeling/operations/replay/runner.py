"""Run one replay: one partition after the other, on a thread, while the caller's thread reports progress."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from threading import Event, Thread
from typing import NamedTuple, TypeVar

from datadeling.config import KafkaConfig
from datadeling.consumer.health import Service
from datadeling.consumer.topic import OPERATOR_TIMEOUT, Topic
from datadeling.db.database import Claim, Database
from datadeling.db.rows import ReplayRow
from datadeling.errors import BrokerUnavailable, Busy, DatabaseUnavailable, DatadelingError, TopicChanged
from datadeling.operations.replay.jobs import Jobs, Planned, Range, Request, request_of
from datadeling.operations.replay.partition import OnProgress, PartitionReplay, Progress
from datadeling.operations.replay.plan import plan
from datadeling.operations.replay.rate import Rate, no_lag
from datadeling.operations.replay.writer import DryRunWriter, NotRunning, ReplayWriter, Writer
from datadeling.pipeline.tally import Tally

_T = TypeVar("_T")

_APPLICATION = "datadeling replay"
_PROGRESS_EVERY = 0.5  # seconds


class Setting(NamedTuple):
    """Settings of a replay. `lag` returns the number of messages that are waiting for the live consumer."""

    kafka: KafkaConfig
    db_url: str
    batch_size: int = 2_000
    lag: Callable[[], int] = no_lag


def dry_run(setting: Setting, request: Request, stop: Event, on_progress: OnProgress) -> Tally:
    """Return the tally that a replay would have; write nothing. Raise what `plan` raises."""
    with closing(Database(setting.db_url, _APPLICATION)) as database:
        planned = plan(request, database, setting.kafka.topic, Topic(setting.kafka, OPERATOR_TIMEOUT))
    parts = [PartitionReplay(setting.kafka, p, one.range, request.avtale_id) for p, one in planned.items()]

    def writer_of(database: Database, part: PartitionReplay) -> Writer:
        return DryRunWriter(database, setting.kafka.topic, part.at)

    return _read(setting, request, parts, writer_of, stop, on_progress)


class Runner:
    """Runs replays that are kept in the database."""

    def __init__(self, setting: Setting, jobs: Jobs) -> None:
        self._setting = setting
        self._jobs = jobs

    def run(self, row: ReplayRow, stop: Event, on_progress: OnProgress) -> ReplayRow:
        """Run a replay from where it stands to its end, or until `stop`; return its row.

        After `stop` it is still `running`, for whoever resumes it. Raise `Busy` when another process runs it,
        has taken it over or reads some of the same messages, `BrokerUnavailable` or `DatabaseUnavailable`
        when it could not begin. Any other exception (`NotFound` and `TopicChanged` among them) leaves it
        `failed` with the name of the error. Never sets `stop`.
        """
        try:
            with _claimed(self._setting.db_url, row.id) as claim:
                self._run(row, claim, stop, on_progress)
        except (Busy, BrokerUnavailable, DatabaseUnavailable):
            raise  # it can be run later
        except NotRunning:
            _retried(lambda: self._check_state(row), stop)
        except Exception as error:
            text = _error_text(error)
            _retried(lambda: self._jobs.end(row.id, "failed", text), stop)
            raise
        return _retried(lambda: self._jobs.get(row.id), stop)

    def _run(self, row: ReplayRow, claim: Claim, stop: Event, on_progress: OnProgress) -> None:
        request = request_of(row)
        partitions = {one.partition: one for one in self._jobs.begin(row, self._planned(row))}
        parts = []
        for one in partitions.values():
            left = Range(one.next_offset, one.to_offset)
            part = PartitionReplay(self._setting.kafka, one.partition, left, request.avtale_id)
            part.first = one.from_offset
            parts.append(part)

        def writer_of(database: Database, part: PartitionReplay) -> Writer:
            return ReplayWriter(database, row, partitions[part.partition])

        def report_and_keep_claim(progress: Progress) -> None:
            on_progress(progress)
            with suppress(DatabaseUnavailable):  # then no other process can write either
                if not claim.take():
                    raise Busy(f"somebody else runs replay {row.id} by now")

        _read(self._setting, request, parts, writer_of, stop, report_and_keep_claim)
        if all(part.at >= part.end for part in parts):
            _retried(lambda: self._jobs.end(row.id, "done"), stop)

    def _planned(self, row: ReplayRow) -> Mapping[int, Planned]:
        if self._jobs.partitions(row.id):
            return {}
        with closing(Database(self._setting.db_url, _APPLICATION)) as database:
            return plan(request_of(row), database, row.topic, Topic(self._setting.kafka, OPERATOR_TIMEOUT))

    def _check_state(self, row: ReplayRow) -> None:
        """Return if the replay was ended on purpose. Raise `TopicChanged` or `Busy` for any other cause."""
        if self._jobs.get(row.id).state != "running":
            return
        try:
            self._jobs.begin(row, {})
        except TopicChanged as error:
            self._jobs.end(row.id, "failed", _error_text(error))
            raise
        raise Busy(f"somebody else has moved replay {row.id} on")


@contextmanager
def _claimed(db_url: str, replay: int) -> Iterator[Claim]:
    claim = Claim(db_url, replay)
    try:
        if not claim.take():
            raise Busy(f"somebody runs replay {replay} already")
        yield claim
    finally:
        claim.release()


def _read(
    setting: Setting,
    request: Request,
    parts: list[PartitionReplay],
    writer_of: Callable[[Database, PartitionReplay], Writer],
    stop: Event,
    on_progress: OnProgress,
) -> Tally:
    """Read the partitions one after the other, and return the tally of all.

    The first exception, also one of `on_progress`, ends the reading and is raised then. `stop` is left as it
    is: it may be for more than this replay.
    """
    end, tally, progress = Event(), Tally(), Progress(parts)
    errors: list[BaseException] = []

    def read() -> None:
        rate = Rate(request.rate, end, setting.lag)
        try:
            with closing(Database(setting.db_url, _APPLICATION)) as database:
                for part in parts:
                    writer = writer_of(database, part)
                    part.run(database, writer, rate, end, setting.batch_size)
                    tally.add(writer.tally)
        except BaseException as error:  # noqa: BLE001 (raised below)
            errors.append(error)

    if stop.is_set():
        return tally
    # A daemon: a second Ctrl-C ends the process at once.
    thread = Thread(target=read, name="replay", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(_PROGRESS_EVERY)
        if stop.is_set() or errors:
            end.set()
        try:
            on_progress(progress)
        except Exception as error:  # noqa: BLE001 (raised below)
            errors.append(error)
            end.set()
    if errors:
        raise errors[0]
    return tally


def _retried(step: Callable[[], _T], stop: Event) -> _T:
    """Retry a step while the database is unavailable, so that what was read is not lost; until `stop`."""
    service = Service("database")
    while True:
        try:
            return step()
        except DatabaseUnavailable as error:
            service.failed(str(error))
            if stop.wait(service.pause_left()):
                raise


def _error_text(error: Exception) -> str:
    """Return the text for the table: only our own errors have texts without values."""
    return f"{type(error).__name__}: {error}" if isinstance(error, DatadelingError) else type(error).__name__
