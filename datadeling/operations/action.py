"""The record that every action of an operator leaves, in `operator_log` and in the log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import structlog

from datadeling.db.database import Database
from datadeling.db.transaction import Transaction
from datadeling.log import masked_prose

log = structlog.get_logger(__name__)


class OperatorAction(NamedTuple):
    """The person who requests something, and their reason. Identity numbers in either are never recorded."""

    who: str
    reason: str | None = None

    @contextmanager
    def transaction(self, database: Database, command: str, target: str) -> Iterator[Transaction]:
        """Commit what is done inside together with its record, and log it afterwards."""
        with database.transaction() as tx:
            yield tx
            self.record(tx, command, target)
        self.log(command, target)

    def record(self, tx: Transaction, command: str, target: str) -> None:
        """Write it to `operator_log`, in the transaction of the action itself."""
        tx.run("write_operator_log", command=command, target=target, **self.masked())

    def log(self, command: str, target: str) -> None:
        """Log it; call this after the commit."""
        log.warning("operator", **self.masked(), command=command, target=target)

    def masked(self) -> dict[str, str | None]:
        """Return `who` and `reason` as they may be recorded."""
        return {"who": masked_prose(self.who), "reason": self.reason and masked_prose(self.reason)}
