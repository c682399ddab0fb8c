"""Where the messages of one partition go: into the tables with the progress, or nowhere."""

from collections.abc import Sequence
from typing import Protocol

from datadeling.db.database import Database
from datadeling.db.tables.replays import ReplayRow, Stretch
from datadeling.db.transaction import Transaction
from datadeling.errors import DatadelingError
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import DryRun, Rewrite
from datadeling.pipeline.tally import Tally


class NotRunning(DatadelingError):
    """The replay may not go on: cancelled, moved by somebody else, or offsets have a new meaning. Look."""


class Sink(Protocol):
    """Takes what is read of a partition, batch by batch."""

    tally: Tally

    def put(self, messages: Sequence[Message], reached: int, events: int) -> None:
        """Take a batch. `reached`: everything before it has been read; `events`: messages of all batches."""

    def recover(self) -> int:
        """After `DatabaseUnavailable`: the offset before which everything has been taken."""


class Rewriting:
    """Writes what differs, and the progress of the replay in the same transaction."""

    def __init__(self, database: Database, row: ReplayRow, stretch: Stretch) -> None:
        self._database = database
        self._row = row
        self._rewrite = Rewrite(database, row.topic)
        self._at = stretch
        self._before = stretch.events
        self.tally = Tally.from_dict(stretch.tally)

    def put(self, messages: Sequence[Message], reached: int, events: int) -> None:
        """Raise `DatabaseUnavailable` (the outcome may be unknown: `recover`), `NotRunning`."""
        if not messages:
            with self._database.transaction() as tx:
                self._advance(tx, reached, self._before + events)
            return
        last = messages[-1]

        def then(tx: Transaction, melding: Message, tally: Tally) -> None:
            self.tally.add(tally)
            if melding is last:
                self._advance(tx, reached, self._before + events)
            else:
                self._advance(tx, melding.offset + 1, self._at.events + tally.messages)

        self._rewrite.write(messages, then)

    def recover(self) -> int:
        """Raise `DatabaseUnavailable`."""
        with self._database.transaction() as tx:
            stretches = {stretch.partition: stretch for stretch in tx.replays.stretches(self._row.id)}
        self._at = stretches[self._at.partition]
        self.tally = Tally.from_dict(self._at.tally)
        return self._at.next_offset

    def _advance(self, tx: Transaction, reached: int, events: int) -> None:
        start, partition, more = self._at.next_offset, self._at.partition, events - self._at.events
        if not tx.replays.advance(self._row, partition, start, reached, more, self.tally.as_dict()):
            raise NotRunning(f"partition {partition} at {start}")
        self._at = self._at._replace(next_offset=reached, events=events)


class DryRunSink:
    """Writes nothing."""

    def __init__(self, database: Database, topic: str, start: int) -> None:
        self._rehearsal = DryRun(database, topic)
        self._reached = start
        self.tally = Tally()

    def put(self, messages: Sequence[Message], reached: int, events: int) -> None:  # noqa: ARG002
        """Raise `DatabaseUnavailable`."""
        if messages:
            self.tally.add(self._rehearsal.write(messages))
        self._reached = reached

    def recover(self) -> int:
        """Ask nobody."""
        return self._reached
