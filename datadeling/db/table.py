"""What the database says of the table that is mirrored."""

from datadeling.db.connection import connect, translated
from datadeling.db.queries import queries
from datadeling.errors import NotFound


def mirrored_columns(db_url: str) -> list[str]:
    """The columns of `avtale`, in order. Raise `DatabaseUnavailable`, or `NotFound` when it is not there."""
    with connect(db_url, application="datadeling views") as connection, translated(connection):
        columns = [name for (name,) in connection.execute(queries["select_columns"])]
    if not columns:
        raise NotFound("the database has no table avtale: run datadeling migrate")
    return columns
