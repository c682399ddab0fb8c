"""What people and restored backups do to the tables behind the consumer's back."""

from typing import Any, Literal, NamedTuple

import psycopg
from hypothesis import strategies as st

from tests.hendelser import avtale_id

Kind = Literal["deleted", "blanked", "set back"]


class Damage(NamedTuple):
    """To one avtale: its row is gone, has lost columns, or is as it was after the first `handled` messages.

    Its history is left as it is, or gone.
    """

    avtale: str
    kind: Kind
    handled: int
    history_left: bool


Rows = dict[str, tuple[Any, ...]]


class Tape:
    """Rows and markers as they were after each message."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._seen: list[tuple[Rows, Rows]] = []

    def keep(self) -> None:
        """Keep them as they are now."""
        self._seen.append((self._rows("avtale"), self._rows("avtale_slettet")))

    def do(self, damage: Damage) -> None:
        """Do it in one transaction."""
        with self._connection.transaction():
            if not damage.history_left:
                self._delete("avtale_historikk", damage.avtale)
            match damage.kind:
                case "deleted":
                    self._delete("avtale", damage.avtale)
                case "blanked":
                    blank = "UPDATE avtale SET bedrift_nr = NULL, start_dato = NULL WHERE avtale_id = %s"
                    self._connection.execute(blank, (damage.avtale,))
                case "set back":
                    for table, rows in zip(
                        ("avtale", "avtale_slettet"), self._seen[damage.handled], strict=True
                    ):
                        self._delete(table, damage.avtale)
                        self._insert(table, rows.get(damage.avtale))

    def _rows(self, table: str) -> Rows:
        return {str(row[0]): row for row in self._connection.execute(f"SELECT * FROM {table}")}

    def _delete(self, table: str, avtale: str) -> None:
        self._connection.execute(f"DELETE FROM {table} WHERE avtale_id = %s", (avtale,))

    def _insert(self, table: str, row: tuple[Any, ...] | None) -> None:
        if row is not None:
            self._connection.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", row)


def damages(handled: int) -> st.SearchStrategy[list[Damage]]:
    """Some, after so many messages."""
    damage = st.builds(
        Damage,
        st.sampled_from((1, 1, 1, 2)).map(avtale_id),
        st.sampled_from(("deleted", "blanked", "set back", "set back")),
        st.integers(0, handled),
        st.booleans(),
    )
    return st.lists(damage, min_size=1, max_size=3)
