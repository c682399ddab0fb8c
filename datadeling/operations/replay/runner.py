"""Runs one replay: its partitions side by side, the right to do so held meanwhile."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event
from typing import NamedTuple, TypeVar

from datadeling.config import KafkaConfig
from datadeling.consumer.health import Service
from datadeling.consumer.topic import UNHURRIED, Topic
from datadeling.db.database import Database
from datadeling.db.tables.claim import Claim
from datadeling.db.tables.replays import ReplayRow
from datadeling.errors import BrokerUnavailable, Busy, DatabaseUnavailable, DatadelingError, TopicChanged
from datadeling.operations.replay.jobs import Jobs, request_of
from datadeling.operations.replay.partition import PartitionReplay
from datadeling.operations.replay.plan import plan
from datadeling.operations.replay.progress import Look, Progress
from datadeling.operations.replay.rate import Rate, no_lag
from datadeling.operations.replay.request import Planned, Range, Request
from datadeling.operations.replay.sink import DryRunSink, NotRunning, Rewriting, Sink
from datadeling.operations.replay.workers import side_by_side
from datadeling.pipeline.tally import Tally, total

_T = TypeVar("_T")

_APPLICATION = "datadeling replay"


class Setting(NamedTuple):
    """What a replay works with. `lag` says how many messages wait for the live consumer."""

    kafka: KafkaConfig
    db_url: str
    workers: int = 4
    batch_size: int = 500
    lag: Callable[[], int] = no_lag


def dry_run(setting: Setting, request: Request, stop: Event, look: Look) -> Tally:
    """What a replay would come to; writes nothing. Raises what `plan` does."""
    with _database(setting) as database:
        planned = plan(request, database, setting.kafka.topic, Topic(setting.kafka, UNHURRIED))
    parts = [_part(setting, request, p, one.range) for p, one in planned.items()]

    def sink(database: Database, part: PartitionReplay) -> Sink:
        return DryRunSink(database, setting.kafka.topic, part.at)

    return _read(setting, request, parts, sink, stop, look)


class Runner:
    """Runs replays that are kept in the database."""

    def __init__(self, setting: Setting, jobs: Jobs) -> None:
        self._setting = setting
        self._jobs = jobs

    def run(self, row: ReplayRow, stop: Event, look: Look) -> ReplayRow:
        """Run it, or go on where it stopped, until its end or `stop`; how it stands then.

        After `stop` it is `running` as before, for whoever resumes it. Raise `Busy` when somebody else runs
        it, has taken it over or reads some of the same messages, `BrokerUnavailable` or `DatabaseUnavailable`
        when it could not begin. Any other exception leaves it `failed`, with the name of what went wrong:
        `NotFound` and `TopicChanged` among them. Never sets `stop`.
        """
        try:
            with _claimed(self._setting.db_url, row.id) as claim:
                self._run(row, claim, stop, look)
        except (Busy, BrokerUnavailable, DatabaseUnavailable):
            raise  # another time it may go
        except NotRunning:
            _patiently(lambda: self._see_why(row), stop)
        except Exception as fault:
            why = _named(fault)
            _patiently(lambda: self._jobs.end(row.id, "failed", why), stop)
            raise
        return _patiently(lambda: self._jobs.get(row.id), stop)

    def _run(self, row: ReplayRow, claim: Claim, stop: Event, look: Look) -> None:
        request = request_of(row)
        stretches = {one.partition: one for one in self._jobs.begin(row, self._planned(row))}
        parts = []
        for one in stretches.values():
            part = _part(self._setting, request, one.partition, Range(one.next_offset, one.to_offset))
            part.first = one.from_offset
            parts.append(part)

        def sink(database: Database, part: PartitionReplay) -> Sink:
            return Rewriting(database, row, stretches[part.partition])

        def look_and_keep(progress: Progress) -> None:
            look(progress)
            with suppress(DatabaseUnavailable):  # then nobody can write either
                if not claim.take():
                    raise Busy(f"somebody else runs replay {row.id} by now")

        _read(self._setting, request, parts, sink, stop, look_and_keep)
        if all(part.at >= part.end for part in parts):
            _patiently(lambda: self._jobs.end(row.id, "done"), stop)

    def _planned(self, row: ReplayRow) -> Mapping[int, Planned]:
        if self._jobs.stretches(row.id):
            return {}
        with _database(self._setting) as database:
            return plan(request_of(row), database, row.topic, Topic(self._setting.kafka, UNHURRIED))

    def _see_why(self, row: ReplayRow) -> None:
        """It may not go on. Raise when that is not because somebody wanted it so."""
        if self._jobs.get(row.id).state != "running":
            return
        try:
            self._jobs.begin(row, {})
        except TopicChanged as fault:
            self._jobs.end(row.id, "failed", _named(fault))
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


def _part(setting: Setting, request: Request, partition: int, range_: Range) -> PartitionReplay:
    return PartitionReplay(setting.kafka, partition, range_, request.avtale_id)


def _read(
    setting: Setting,
    request: Request,
    parts: list[PartitionReplay],
    sink_of: Callable[[Database, PartitionReplay], Sink],
    stop: Event,
    look: Look,
) -> Tally:
    """Read all of them; what that came to. A fault ends this replay alone: `stop` may be for more than it."""
    end = Event()
    rate = Rate(request.rate, end, setting.lag)
    progress = Progress(parts)
    sinks: list[Sink] = []

    def read(part: PartitionReplay) -> None:
        with _database(setting) as database:
            sinks.append(sink := sink_of(database, part))
            part.run(sink, rate, end, setting.batch_size)

    def look_on() -> None:
        if stop.is_set():
            end.set()
        look(progress)

    deeds = [] if stop.is_set() else [partial(read, part) for part in parts]
    side_by_side(deeds, setting.workers, end, look_on)
    return total(sink.tally for sink in sinks)


@contextmanager
def _database(setting: Setting) -> Iterator[Database]:
    database = Database(setting.db_url, _APPLICATION)
    try:
        yield database
    finally:
        database.close()


def _patiently(deed: Callable[[], _T], stop: Event) -> _T:
    """What has been read is not to be lost for a database that is away just then. Gives up after `stop`."""
    service = Service("database")
    while True:
        try:
            return deed()
        except DatabaseUnavailable as error:
            service.failed(str(error))
            if stop.wait(service.pause_left()):
                raise


def _named(fault: Exception) -> str:
    """What goes into the table: names of ours alone."""
    return f"{type(fault).__name__}: {fault}" if isinstance(fault, DatadelingError) else type(fault).__name__
