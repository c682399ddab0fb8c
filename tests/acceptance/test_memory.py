"""The consumer reads a backlog of any length in bounded memory, also when the database is slow."""

from threading import Event, Thread
from typing import Self

import psutil
import psycopg

from tests.acceptance.conftest import Run, Setting, by_way_of
from tests.acceptance.operating import Produce
from tests.acceptance.processes import handled, wait_until_handled
from tests.hendelser import melding
from tests.waiting import wait_until

LIMIT_MIB = 250
# Far more than the limit leaves room for: a queue that took all of it would be seen.
MESSAGES, KILOBYTES = 30_000, 14
PADDING = "x" * (KILOBYTES * 1_000)  # in a field that is not kept


class PeakMemory:
    """Samples the resident memory of a process while the block runs; `peak` is the most seen, in MiB."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._done = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self.peak = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            try:
                self.peak = max(self.peak, self._process.memory_info().rss / 2**20)
            except psutil.NoSuchProcess:
                return


def test_a_long_backlog_is_read_in_bounded_memory(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection
) -> None:
    for first in range(0, MESSAGES, 1_000):
        produce([melding(n, partition=n % 3, maal=PADDING) for n in range(first, first + 1_000)])
    with by_way_of(consumer, delay=0.01) as (_, env):
        process = run(env, "consume")
        with PeakMemory(process.process.pid) as memory:
            wait_until_handled(connection, MESSAGES)
        assert process.terminate() == 0
    assert 0 < memory.peak < LIMIT_MIB


def test_a_batch_of_large_messages_is_read_in_bounded_memory(
    run: Run, consumer: Setting, produce: Produce, connection: psycopg.Connection
) -> None:
    large = "x" * 900_000  # a broker refuses messages of more than 1 MB, by default
    for first in range(0, 500, 50):
        produce([melding(n, partition=n % 3, maal=large) for n in range(first, first + 50)])
    process = run({**consumer.env, "BATCH_WAIT_MS": "60000"}, "consume")
    with PeakMemory(process.process.pid) as memory:
        wait_until(lambda: handled(connection) > 450, "full batches are handled")
    assert 0 < memory.peak < LIMIT_MIB
