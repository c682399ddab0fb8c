"""PostgreSQL and Kafka together, under one temporary directory."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from datadeling.demo.embedded import temporary_directory
from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.postgres import EmbeddedPostgres


class Services:
    """Both services, started side by side when the block begins, gone with all their data when it ends.

    Nothing is left behind however the block or this process ends. Use an instance for one block.
    """

    postgres: EmbeddedPostgres
    kafka: EmbeddedKafka
    directory: Path

    def __enter__(self) -> Self:
        """Start both, and block until both answer: some 4 s. Raise what the first to fail raised."""
        with ExitStack() as stack:
            self.directory = stack.enter_context(temporary_directory("datadeling-"))
            self.postgres = EmbeddedPostgres(self.directory / "postgres")
            self.kafka = EmbeddedKafka(self.directory / "kafka")
            stack.callback(self.postgres.close)
            stack.callback(self.kafka.close)
            # Kafka takes longer: it has the calling thread, so that Ctrl-C interrupts it at once.
            with ThreadPoolExecutor(max_workers=1) as pool:
                postgres = pool.submit(self.postgres.start)
                self.kafka.start()
                postgres.result()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
