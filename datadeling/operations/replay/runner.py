"""Run replays: plan the ranges, and read one partition after the other; by command or in a consumer."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from threading import Event
from typing import NamedTuple

import structlog

from datadeling import errors
from datadeling.config import ConsumerConfig, KafkaConfig
from datadeling.consumer.health import Health, retried
from datadeling.consumer.topic import OPERATOR_TIMEOUT, Topic
from datadeling.db.database import Claim, Database
from datadeling.db.rows import PartitionProgress, ReplayRow
from datadeling.domain.hendelse import Place, Position
from datadeling.errors import BrokerUnavailable, Busy, DatabaseUnavailable, DatadelingError
from datadeling.log import frames
from datadeling.operations.replay.jobs import Jobs, Request, request_of
from datadeling.operations.replay.partition import NotRunning, PartitionReplay, Setting
from datadeling.pipeline.partitioner import partition_of
from datadeling.pipeline.tally import Tally

_APPLICATION = "datadeling replay"
_CHECK_EVERY = 5.0  # seconds
_BACKGROUND_BATCH = 250  # messages: the live consumer waits for the lock while one of these is written

log = structlog.get_logger(__name__)


class Progress(NamedTuple):
    """Progress over all partitions, from where each was begun first.

    `total` and `left` are offsets, which count the holes of a compacted log. `events`: messages since the
    replay was begun or resumed. `seconds_left`: None while nothing has been read.
    """

    total: int
    left: int
    events: int
    per_second: float
    seconds_left: float | None

    @classmethod
    def of(cls, parts: Sequence[PartitionReplay], seconds: float) -> "Progress":
        """Return the progress of these partitions after so many seconds."""
        total = sum(part.saved.to_offset - part.saved.from_offset for part in parts)
        left = sum(part.left for part in parts)
        read = sum(part.saved.next_offset - part.begun.next_offset for part in parts)
        events = sum(part.saved.events - part.begun.events for part in parts)
        return cls(total, left, events, events / max(seconds, 0.001), left * seconds / read if read else None)


OnProgress = Callable[[Progress], None]
"""Called with the progress after each batch."""


def dry_run(setting: Setting, request: Request, stop: Event, on_progress: OnProgress) -> Tally:
    """Return the tally that a replay would have; write nothing. Raise what `plan` raises."""
    with closing(Database(setting.db_url, _APPLICATION)) as database:
        planned = plan(request, database, setting.kafka)
        parts = [PartitionReplay(setting, request, progress) for progress in planned]
        _read(parts, database, stop, on_progress)
    return sum((Tally.from_dict(part.saved.tally) for part in parts), Tally())


class Runner:
    """Runs replays that are kept in the database."""

    def __init__(self, setting: Setting, jobs: Jobs) -> None:
        self._setting = setting
        self._jobs = jobs

    def run(self, row: ReplayRow, stop: Event, on_progress: OnProgress) -> ReplayRow:
        """Run a replay from where it stands to its end, or until `stop`; return its row.

        After `stop` it is still `running`, for whoever resumes it. Raise `Busy` when another process runs it,
        has taken it over or reads some of the same messages, `BrokerUnavailable` or `DatabaseUnavailable`
        when it could not begin, or not go on until `stop`. Any other exception (`NotFound` and `TopicChanged`
        among them) leaves it `failed` with the name of the error. Never sets `stop`.
        """
        claim = Claim(self._setting.db_url, row.id)
        try:
            self._run(row, claim, stop, on_progress)
        except NotRunning:
            pass
        except (Busy, BrokerUnavailable, DatabaseUnavailable):
            raise  # it can be run later
        except Exception as error:
            retried(partial(self._jobs.end, row.id, "failed", _text(error)), stop)
            raise
        finally:
            claim.release()
        return retried(partial(self._jobs.get, row.id), stop)

    def _run(self, row: ReplayRow, claim: Claim, stop: Event, on_progress: OnProgress) -> None:
        def report_and_keep_claim(progress: Progress) -> None:
            on_progress(progress)
            with suppress(DatabaseUnavailable):  # then no other process can write either
                if not claim.take():
                    raise Busy(f"somebody else runs replay {row.id} by now")

        if not claim.take():
            raise Busy(f"somebody runs replay {row.id} already")
        request = request_of(row)
        with closing(Database(self._setting.db_url, _APPLICATION)) as database:
            begun = self._jobs.partitions(row.id)
            begun = self._jobs.begin(row, begun or plan(request, database, self._setting.kafka))
            parts = [PartitionReplay(self._setting, request, progress, row) for progress in begun]
            _read(parts, database, stop, report_and_keep_claim)
        if not any(part.left for part in parts):
            retried(partial(self._jobs.end, row.id, "done"), stop)


def _read(parts: Sequence[PartitionReplay], database: Database, stop: Event, on_progress: OnProgress) -> None:
    began = time.monotonic()
    for part in parts:
        part.run(database, stop, lambda: on_progress(Progress.of(parts, time.monotonic() - began)))


def plan(request: Request, database: Database, config: KafkaConfig) -> list[PartitionProgress]:
    """Return the range to read of each partition, in order; none goes beyond the live consumer's position.

    Queries the broker, for some seconds at most. Raise `NotFound` when a partition or the topic has not
    been read, `TopicChanged` when the broker's topic is another one, `BrokerUnavailable`.
    """
    topic = Topic(config, OPERATOR_TIMEOUT)
    with database.transaction() as tx:
        offsets = tx.positions(config.topic)
        topic_ids = {row["topic_id"] for row in tx.dicts("list_offsets", topic=config.topic)}
        avtale = tx.first(Place, "locate_avtale", topic=config.topic, avtale_id=request.avtale_id)
    if not offsets:
        raise errors.NotFound("nothing has been read of this topic yet")
    if topic_ids - {None, topic.identity()}:
        raise errors.TopicChanged("the broker's topic is not the one that has been read")
    named = {*(request.from_offsets or {}), *(request.to_offsets or {})}
    if unknown := named - offsets.keys():
        raise errors.NotFound(f"nothing has been read of partition {min(unknown)}")
    chosen = set(request.from_offsets or offsets)
    if request.avtale_id is not None:
        chosen &= _partitions_of(request.avtale_id, avtale, offsets)
    return [_progress(request, partition, offsets[partition], topic) for partition in sorted(chosen)]


def _partitions_of(avtale_id: str, known: Place | None, offsets: Mapping[int, Position]) -> set[int]:
    """Return the partitions of an avtale: `known` is the place of its stored message.

    The producer's partitioner decides when nothing is stored. When partitions have been added since, older
    messages are still on the stored partition, and new ones are where the partitioner puts them.
    """
    partitions = set() if known is None else {known.partition}
    if known is None or known.generation != max(row.generation for row in offsets.values()):
        partitions.add(partition_of(avtale_id.encode(), max(offsets) + 1))
    return partitions


def _progress(request: Request, partition: int, at: Position, topic: Topic) -> PartitionProgress:
    """Return the range to read of a partition, of which nothing has been read."""
    start, end = topic.watermarks(partition).low, at.next_offset
    if request.from_offsets:
        start = max(start, request.from_offsets.get(partition, start))
    if request.from_time:
        start = max(start, topic.offset_at(partition, request.from_time))
    if request.to_offsets:
        end = min(end, request.to_offsets.get(partition, end))
    if request.to_time:
        end = min(end, topic.offset_at(partition, request.to_time))
    start = min(start, end)
    now = datetime.now(UTC)
    return PartitionProgress(partition, at.generation, start, start, end, 0, Tally().as_dict(), now)


def run_requested(config: ConsumerConfig, health: Health, stop: Event) -> None:
    """Run requested replays one after the other in a consumer process, until `stop`; check every 5 s.

    They give way while `health` has a lag. In the cluster only the application can reach its database, so an
    operator's machine cannot run them.
    """
    with closing(Database(config.db_url, "datadeling replays")) as database:
        jobs = Jobs(database, config.kafka.topic)
        runner = Runner(Setting(config.kafka, config.db_url, _BACKGROUND_BATCH, lambda: health.lag), jobs)
        while not stop.wait(_CHECK_EVERY):
            with _errors_logged():
                for row in jobs.waiting():
                    if stop.is_set():
                        break
                    with _errors_logged(replay=row.id):
                        ended = runner.run(jobs.get(row.id), stop, lambda _: None)
                        log.info("replay_ended", replay=row.id, state=ended.state)


@contextmanager
def _errors_logged(**values: object) -> Iterator[None]:
    """Log an error, which must not end the consumer; one that is tried again is logged by the loop."""
    try:
        yield
    except (Busy, BrokerUnavailable, DatabaseUnavailable):
        pass
    except Exception as error:  # noqa: BLE001
        log.error("replay_failed", error=_text(error), at=frames(error), **values)  # noqa: TRY400 (no text)


def _text(error: Exception) -> str:
    """Describe an error. Only the texts of our own errors have no values of messages."""
    return f"{type(error).__name__}: {error}" if isinstance(error, DatadelingError) else type(error).__name__
