"""All exceptions that we raise, named after what the caller must do."""


class DatadelingError(Exception):
    """Base of all our exceptions. No text of them has a value from a message."""


class ConfigError(DatadelingError):
    """The environment lacks something or is malformed. Print one line and exit with 2."""


class UgyldigHendelse(DatadelingError):
    """The message cannot be read. Park it with this `reason` (a code) and text; continue with the rest."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class DatabaseUnavailable(DatadelingError):
    """The database is unavailable. Keep the batch, keep polling, try again."""


class Locked(DatabaseUnavailable):
    """Another session has held a lock for too long. Try again, now or later."""


class UnstorableRow(DatadelingError):
    """The database refuses a value that decoding accepted. Halve the batch until the row is alone."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(f"the database refused a value (SQLSTATE {sqlstate})")
        self.sqlstate = sqlstate


class DatabaseBug(DatadelingError):
    """The database reports an error that only a bug in this program explains. Stop."""

    def __init__(self, sqlstate: str, what: str) -> None:
        super().__init__(f"unexpected answer from the database (SQLSTATE {sqlstate}): {what}")


class LostPartition(DatadelingError):
    """Another consumer has moved this partition's offset. Drop the batch and read the offset again."""

    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} has been moved on by another consumer")
        self.partition = partition


class BrokerUnavailable(DatadelingError):
    """The broker is unavailable. Keep polling, try again."""


class TopicChanged(DatadelingError):
    """The topic was replaced or repartitioned. Run `offsets new-generation`, then begin again."""


class Busy(DatadelingError):
    """Another process does the same work now. Print one line and exit with 1; try later."""


class MigrationFailed(DatadelingError):
    """A migration was refused. The schema is as the last whole migration left it; exit with 1."""


class NotFound(DatadelingError):
    """The object that an operator named is missing, or in the wrong state. Print one line and exit with 1."""


class TooLate(NotFound):
    """The object that an operator named has been handled already. Report it; do not try again."""


class BigQueryRefused(DatadelingError):
    """BigQuery is unavailable or refuses. Print one line and exit with 1; safe to try again."""
