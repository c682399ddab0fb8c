"""PostgreSQL and Kafka together, under one temporary directory."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from datadeling.demo.embedded import temporary_directory
from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.process import Guard


class Services:
    """Both services, started side by side when the block begins, gone with all their data when it ends.

    Nothing is left behind however the block or this process ends. Use an instance for one block.
    """

    postgres: EmbeddedPostgres
    kafka: EmbeddedKafka
    directory: Path

    def start(self) -> None:
        """Start both, and block until both answer: some 4 s.

        Raises what the first to fail raised; then neither runs and the directory is gone.
        """
        self.directory = temporary_directory("datadeling-")
        self._guard = Guard(directory=self.directory)
        self.postgres = EmbeddedPostgres(self.directory / "postgres")
        self.kafka = EmbeddedKafka(self.directory / "kafka")
        try:
            # Kafka takes longer: it has the calling thread, so that Ctrl-C breaks it off at once.
            with ThreadPoolExecutor(max_workers=1) as pool:
                postgres = pool.submit(self.postgres.start)
                self.kafka.start()
                postgres.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both and remove the directory; blocks. Safe to call again."""
        try:
            self.kafka.close()
        finally:
            try:
                self.postgres.close()
            finally:
                shutil.rmtree(self.directory, ignore_errors=True)
                self._guard.disarm()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
