"""Write the batches of one partition together with the replay's progress; or, in a dry run, nothing."""

from collections.abc import Sequence
from typing import Protocol

from datadeling.db.database import Database
from datadeling.db.rows import PartitionProgress, ReplayRow
from datadeling.db.transaction import Transaction
from datadeling.errors import DatadelingError
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.tally import Tally


class NotRunning(DatadelingError):
    """The replay may not go on: cancelled, moved by another process, or a new generation has begun."""


class Writer(Protocol):
    """Takes the batches of a partition, in order."""

    tally: Tally

    def write(self, messages: Sequence[Message], end: int, events: int) -> None:
        """Take a batch. Everything before `end` has been read then, `events` messages in all."""

    def recover(self) -> int:
        """Return the offset before which everything is written, after `DatabaseUnavailable`."""


class ReplayWriter:
    """Writes what differs, and the progress in the same transaction."""

    def __init__(self, database: Database, row: ReplayRow, progress: PartitionProgress) -> None:
        self._database = database
        self._row = row
        self._rewrite = Rewrite(database, row.topic)
        self._progress = progress
        self._events_before = progress.events
        self.tally = Tally.from_dict(progress.tally)

    def write(self, messages: Sequence[Message], end: int, events: int) -> None:
        """Raise `DatabaseUnavailable` (the outcome may be unknown: see `recover`), `NotRunning`."""
        events += self._events_before
        if not messages:
            with self._database.transaction() as tx:
                self._advance(tx, end, events)
            return

        def save_progress(tx: Transaction, last: Message, tally: Tally) -> None:
            self.tally.add(tally)
            if last is messages[-1]:
                self._advance(tx, end, events)
            else:  # a part of a batch that was halved
                self._advance(tx, last.offset + 1, self._progress.events + tally.messages)

        self._rewrite.write(messages, save_progress)

    def recover(self) -> int:
        """Read the progress again. Raise `DatabaseUnavailable`."""
        with self._database.transaction() as tx:
            progress = tx.rows(PartitionProgress, "select_replay_partitions", id=self._row.id)
        (self._progress,) = (one for one in progress if one.partition == self._progress.partition)
        self.tally = Tally.from_dict(self._progress.tally)
        return self._progress.next_offset

    def _advance(self, tx: Transaction, end: int, events: int) -> None:
        partition, start = self._progress.partition, self._progress.next_offset
        advanced = tx.run(
            "advance_replay",
            id=self._row.id,
            partition=partition,
            start=start,
            end=end,
            events=events,
            tally=self.tally.as_dict(),
        )
        if advanced.rowcount != 1:
            raise NotRunning(f"partition {partition} at {start}")
        self._progress = self._progress._replace(next_offset=end, events=events)


class DryRunWriter:
    """Writes nothing."""

    def __init__(self, database: Database, topic: str, start: int) -> None:
        self._dry_run = Rewrite(database, topic, is_dry_run=True)
        self._end = start
        self.tally = Tally()

    def write(self, messages: Sequence[Message], end: int, events: int) -> None:  # noqa: ARG002
        """Raise `DatabaseUnavailable`."""
        if messages:
            self.tally.add(self._dry_run.write(messages))
        self._end = end

    def recover(self) -> int:
        """Return the end of the last batch."""
        return self._end
