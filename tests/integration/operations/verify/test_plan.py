"""Going through a table page by page costs no more for the last page than for the first."""

import psycopg
import pytest

from datadeling.db.transaction import STATEMENTS


@pytest.mark.parametrize("statement", ["page_of_avtaler", "page_of_markers"])
def test_a_page_is_found_by_the_index_and_not_sorted(statement: str, connection: psycopg.Connection) -> None:
    for other_way in ("enable_seqscan", "enable_bitmapscan"):
        connection.execute(f"SET {other_way} = off")
    values = {"start": "00000000-0000-0000-0000-000000000000", "limit": 10}
    plan = "\n".join(
        row[0] for row in connection.execute("EXPLAIN " + STATEMENTS[statement].as_string(), values)
    )
    assert "Index" in plan
    assert "Sort" not in plan
