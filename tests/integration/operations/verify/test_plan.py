"""Going through a table page by page costs no more for the last page than for the first."""

import psycopg
import pytest
from psycopg.sql import SQL, Composed

from datadeling.db.queries import queries
from datadeling.db.tables.verification import _PAGE_OF_AVTALER


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(_PAGE_OF_AVTALER, id="avtaler"),
        pytest.param(queries["page_of_markers"], id="markers"),
    ],
)
def test_a_page_is_found_by_the_index_and_not_sorted(
    statement: SQL | Composed, connection: psycopg.Connection
) -> None:
    for other_way in ("enable_seqscan", "enable_bitmapscan"):
        connection.execute(f"SET {other_way} = off")
    values = {"start": "00000000-0000-0000-0000-000000000000", "limit": 10}
    plan = "\n".join(row[0] for row in connection.execute("EXPLAIN " + statement.as_string(), values))
    assert "Index" in plan
    assert "Sort" not in plan
