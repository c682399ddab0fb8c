"""Statements that compare the tables with the topic, one a method."""

from collections.abc import Sequence

from psycopg.rows import args_row
from psycopg.sql import SQL

from datadeling.db.queries import columns, queries
from datadeling.db.statements import Statements
from datadeling.domain.avtale import COLUMNS, Avtale
from datadeling.domain.hendelse import Place

_PAGE_OF_AVTALER = queries["page_of_avtaler"].format(
    columns=SQL("avtale_id::text, ") + columns(*COLUMNS[1:])  # as text, as in the messages
)


class Verification(Statements):
    """The tables, page by page, inside an open transaction."""

    def page_of_avtaler(self, start: str, limit: int) -> list[Avtale]:
        """Return the rows with the lowest ids from this one on, in order."""
        with self._connection.cursor(row_factory=args_row(Avtale), binary=True) as cursor:
            return cursor.execute(_PAGE_OF_AVTALER, {"start": start, "limit": limit}).fetchall()

    def page_of_markers(self, start: str, limit: int) -> list[tuple[str, Place]]:
        """Return the markers with the lowest ids from this one on, in order."""
        rows = self._run("page_of_markers", start=start, limit=limit)
        return [(avtale_id, Place(*place)) for avtale_id, *place in rows]

    def parked_at(self, topic: str, places: Sequence[Place]) -> set[Place]:
        """Return those of these places at which a message is parked and not resolved."""
        rows = self._run(
            "parked_at",
            topic=topic,
            generations=[place.generation for place in places],
            partitions=[place.partition for place in places],
            offsets=[place.offset for place in places],
        )
        return {Place(*row) for row in rows}

    def estimated_avtaler(self) -> int:
        """Return the planner's estimate of the number of rows, for showing progress."""
        row = self._run("count_avtaler").fetchone()
        return max(0, row[0]) if row else 0
