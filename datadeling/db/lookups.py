"""What the API asks of PostgreSQL: one statement a lookup, which builds the JSON of the answer."""

from collections.abc import Iterable, Sequence
from datetime import date

from psycopg.sql import SQL, Composed, Identifier

from datadeling.db.pool import Pool
from datadeling.db.queries import queries
from datadeling.domain.felt import FELTER, Felt, Type


class Lookups:
    """The lookups, over one process's connections.

    Every method raises `DatabaseUnavailable` when there is no answer to be had in time, and gives JSON as it
    goes to the consumer. `identer` are the present and the historic numbers of one person.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def tiltaksstatus(self, identer: Sequence[str], dato: date) -> str:
        """What the person takes part in on that day, will, and has."""
        return str(self._one(_TILTAKSSTATUS, identer=list(identer), dato=dato))

    def search(self, identer: Sequence[str]) -> str:
        """The person's avtaler, newest first."""
        return str(self._one(_SEARCH, identer=list(identer)))

    def find(self, avtale_id: str) -> str | None:
        """One avtale, or None when there is none to be shown. `avtale_id` is a UUID."""
        answer = self._one(_FIND, avtale_id=avtale_id)
        return None if answer is None else str(answer)

    def ping(self) -> None:
        """Raise `DatabaseUnavailable` when the database does not answer or lacks migrations."""
        self._one(_PING)

    def _one(self, statement: bytes, **values: object) -> object:
        """The first column of the first row, or None when there is no row."""
        with self._pool.connection() as connection:
            row = connection.execute(statement, values).fetchone()
        return row[0] if row else None


def _select_list(felter: Iterable[Felt]) -> Composed:
    """Columns under their names in JSON, and numbers without trailing zeros."""
    return SQL(", ").join(_selected(felt) for felt in felter)


def _selected(felt: Felt) -> Composed:
    column = Identifier("avtale", felt.column)
    value = SQL("trim_scale({})").format(column) if felt.type is Type.NUMBER else column
    return SQL("{} AS {}").format(value, Identifier(felt.json))


# As bytes: to put a statement together costs more than to run it.
_TILTAKSSTATUS = queries["tiltaksstatus"].as_bytes()
_SEARCH = queries["search_avtaler"].format(felter=_select_list(FELTER)).as_bytes()
_FIND = queries["find_avtale"].format(felter=_select_list(FELTER)).as_bytes()
_PING = queries["ping"].as_bytes()
