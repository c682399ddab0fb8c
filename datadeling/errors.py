"""Every exception that we raise, named after what the caller must do about it."""


class DatadelingError(Exception):
    """What all of ours have in common. No text of any of them holds a value from a message."""


class ConfigError(DatadelingError):
    """The environment is missing something or malformed. Say so in one line and exit with 2."""


class UgyldigHendelse(DatadelingError):
    """The message cannot be read. Park it with this `reason` (a code) and text, go on with the rest."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class DatabaseUnavailable(DatadelingError):
    """The database cannot answer now. Keep the batch, keep polling, try again."""


class Locked(DatabaseUnavailable):
    """Somebody holds a lock that was not waited for any longer. Try again; or let it be, and try later."""


class UnstorableRow(DatadelingError):
    """The database refuses a value that decode let through. Halve the batch until it stands alone."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"the database refused a value (SQLSTATE {sqlstate})")
        self.sqlstate = sqlstate


class DatabaseBug(DatadelingError):
    """The database answered what only a fault in this program explains. Stop with the cause."""

    def __init__(self, sqlstate: str, what: str) -> None:
        super().__init__(f"unexpected answer from the database (SQLSTATE {sqlstate}): {what}")


class LostPartition(DatadelingError):
    """Another consumer has moved this partition's offset. Drop the batch and read the offset again."""

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} has been moved on by another consumer")
        self.partition = partition


class BrokerUnavailable(DatadelingError):
    """The broker cannot answer now. Keep polling, try again."""


class TopicChanged(DatadelingError):
    """Offsets do not mean what they meant. See to `offsets new-generation`, then begin anew."""


class Busy(DatadelingError):
    """Somebody else does the same right now. Say so in one line and exit with 1; it can be tried later."""


class MigrationFailed(DatadelingError):
    """A migration was refused. The schema is as the last whole migration left it; exit with 1."""


class NotFound(DatadelingError):
    """What the operator named is not there, or not in a state for it. Say so in one line and exit with 1."""


class TooLate(NotFound):
    """What the operator named is there, but has come to its end already. Say so; trying again is no use."""


class BigQueryRefused(DatadelingError):
    """BigQuery cannot be asked, or will not do it. Say so in one line and exit with 1; safe to try again."""
