"""Who asked, and why: what every deed of an operator leaves in `operator_log` and in the log."""

from typing import NamedTuple

import structlog

from datadeling.db.transaction import Transaction
from datadeling.log import masked_prose

log = structlog.get_logger(__name__)


class OperatorAction(NamedTuple):
    """Who asked, and the reason as they gave it; identity numbers in it are masked when it is kept."""

    who: str
    reason: str | None = None

    def keep(self, tx: Transaction, command: str, target: str) -> None:
        """Write it down in the transaction of the deed."""
        shown = self._shown()
        tx.operator.write_log(shown.who, command, target, shown.reason)

    def tell(self, command: str, target: str) -> None:
        """Log it, once the deed is done."""
        shown = self._shown()
        log.warning("operator", who=shown.who, command=command, target=target, reason=shown.reason)

    def _shown(self) -> "OperatorAction":
        return OperatorAction(masked_prose(self.who), self.reason and masked_prose(self.reason))
