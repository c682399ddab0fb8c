"""Writes one batch at a time in a thread of its own, so that the next one is fetched and read meanwhile.

PostgreSQL needs nearly as long for a batch as we do to fetch and read one.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from datadeling.domain.hendelse import Position
from datadeling.ingest.melding import Melding
from datadeling.ingest.store import Run, Store, Written


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch that was written: its messages, what that came to, how many seconds it took, when it ended."""

    messages: Sequence[Melding]
    written: Written
    seconds: float
    ended: datetime


class Writer:
    """Hands batches to a `Store`, which nobody else may use between `start` and `settle`.

    For one thread, which is not the one that writes.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="write")
        self._under_way: Future[Settled] | None = None
        self._messages: Sequence[Melding] = ()

    @property
    def is_writing(self) -> bool:
        """True while `settle` would wait."""
        return self._under_way is not None and not self._under_way.done()

    @property
    def has_ended(self) -> bool:
        """True when there is something to settle, and `settle` would not wait."""
        return self._under_way is not None and self._under_way.done()

    def start(self, messages: Sequence[Melding], run: Run, positions: Mapping[int, Position]) -> None:
        """Begin to write `messages`, read as `run`. The batch before must have been settled."""
        self._messages = messages
        self._under_way = self._thread.submit(self._write, messages, run, positions)

    def settle(self) -> Settled | None:
        """Wait for the batch under way; None when there is none. Raises what `Store.write_run` raises."""
        under_way, self._under_way = self._under_way, None
        if under_way is None:
            return None
        settled = under_way.result()
        self._messages = ()
        return settled

    def take_back(self) -> Sequence[Melding]:
        """After `settle` has raised: the messages of that batch. Once."""
        messages, self._messages = self._messages, ()
        return messages

    def close(self) -> None:
        """Wait for the batch under way, whatever becomes of it."""
        self._thread.shutdown()

    def _write(self, messages: Sequence[Melding], run: Run, positions: Mapping[int, Position]) -> Settled:
        began = time.monotonic()
        written = self._store.write_run(run, positions)
        return Settled(messages, written, time.monotonic() - began, datetime.now(UTC))
