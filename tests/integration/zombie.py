"""A consumer that stops in the middle of a transaction, after it has written."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.errors import DatadelingError
from datadeling.pipeline.store import Store
from tests.hendelser import melding
from tests.integration.storing import BEGINNING, PARK_LIMIT, TOPIC, write_batch


class PausingDatabase(Database):
    """A database that prints a line before it commits, and commits after it has read one."""

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with super().transaction() as tx:
            yield tx
            print("written", flush=True)  # noqa: T201 (whom it talks to reads that)
            sys.stdin.readline()


if __name__ == "__main__":
    try:
        store = Store(PausingDatabase(sys.argv[1], "zombie"), TOPIC, PARK_LIMIT)
        write_batch(store, [melding(1)], {0: BEGINNING})
    except DatadelingError as error:
        print(type(error).__name__)  # noqa: T201
