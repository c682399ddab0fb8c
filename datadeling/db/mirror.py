"""The source of the mirror in BigQuery: a publication of the table `avtale`, and a replication slot.

The platform creates the role `datastream`, which can happen at any time. So the set-up is no migration, but a
step after every one. The queries return only the steps that are missing.
"""

import structlog

from datadeling.db.connection import DeadlineConnection, connect, translated
from datadeling.db.queries import queries
from datadeling.errors import Busy, DatabaseBug, DatabaseUnavailable, MigrationFailed, NotFound

_SET_UP = (
    "replication_to_grant", "publication_to_create", "rights_to_revoke", "rights_of_others",
    "rights_to_grant", "slot_to_repair", "slot_to_create",
)  # fmt: skip
# The slot first: without its publication, it would go on retaining WAL.
_REMOVE = ("slot_to_drop", "publication_to_drop", "rights_to_revoke", "replication_to_revoke")
_WAIT_FOR_WRITERS = 40.0  # seconds: longer than any transaction of ours may take
_GRACE = 5.0  # seconds in which the server can report its own timeout

log = structlog.get_logger(__name__)


def mirrored_columns(db_url: str) -> list[str]:
    """Return the columns of `avtale`. Raise `DatabaseUnavailable`, or `NotFound` when there is no table."""
    with connect(db_url, "datadeling views") as connection, translated(connection):
        columns = [name for (name,) in connection.execute(queries["select_columns"])]
    if not columns:
        raise NotFound("the database has no table avtale: run datadeling migrate")
    return columns


def set_up(connection: DeadlineConnection, wait_for_writers: float = _WAIT_FOR_WRITERS) -> list[str]:
    """Create what is missing and revoke what is too much; do nothing where the role does not exist.

    The caller holds the migration lock, and is in no transaction. A step that this user may not take, or that
    the server cannot take now, is logged with the statement to run; the others are taken, and the next call
    tries again. Return the names of the failed steps. Creating the slot waits for the writers of the whole
    server, for 40 s at most. Raise `DatabaseUnavailable` when the connection is lost.
    """
    if not _is(connection, "datastream_exists"):
        return []
    connection.timeout = max(connection.timeout, wait_for_writers + _GRACE)
    wait = round(wait_for_writers * 1000)
    return [failed for query in _SET_UP for failed in _take_steps(connection, query, wait=wait, all=False)[1]]


def remove(connection: DeadlineConnection) -> list[str]:
    """Remove all of it, also what was created by hand; return the names of it. Safe to call again.

    The caller holds the migration lock, and is in no transaction. While the role `datastream` exists, the
    next `migrate` sets it up again. Raise `Busy` while the slot is read, `MigrationFailed` when this user may
    not remove all of it, and `DatabaseUnavailable`.
    """
    if _is(connection, "slot_is_read"):
        raise Busy("the slot ds_replication is being read: end the stream first")
    removed = []
    for query in _REMOVE:
        taken, failed = _take_steps(connection, query, all=True)
        if failed:
            raise MigrationFailed(f"of the mirror there is still: {', '.join(failed)}")
        removed += ["rights of datastream"] if taken and query == "rights_to_revoke" else taken
    return removed


def _is(connection: DeadlineConnection, query: str) -> bool:
    with translated(connection):
        return connection.execute(queries[query]).fetchone() == (True,)


def _take_steps(connection: DeadlineConnection, query: str, **values: object) -> tuple[list[str], list[str]]:
    """Take the steps that a query returns, each in one transaction. Return those taken and those refused."""
    with translated(connection):
        steps = connection.execute(queries[query], values).fetchall()
    taken, failed = [], []
    for step, statement, remedy in steps:
        cause = {}
        if statement:
            try:
                with translated(connection), connection.transaction():
                    connection.execute(statement)
                taken.append(step)
                continue
            except (DatabaseBug, DatabaseUnavailable) as error:
                if connection.closed:
                    raise
                cause = {"cause": str(error)}
        log.warning("mirror_incomplete", step=step, run=remedy or statement, **cause)
        failed.append(step)
    return taken, failed
