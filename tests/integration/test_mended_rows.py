"""A replay restores the newest version of a row that was deleted or set back by hand, without its history."""

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import psycopg
import pytest

from datadeling.db.transaction import Transaction
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import Store
from datadeling.pipeline.tally import Tally
from tests.hendelser import avtale_id, melding, tombstone
from tests.integration.storing import tables, write
from tests.oracle import comparable


def version(offset: int, edited: int, state: str) -> Message:
    return melding(1, offset=offset, sistEndret=f"2022-02-04T08:46:0{edited}Z", avtaleStatus=state)


LOG = [
    version(0, 1, "A"),
    version(1, 2, "B"),
    version(2, 1, "OLDER"),
    version(3, 2, "C"),
    version(4, 3, "NEWEST"),
    version(5, 3, "NEWEST"),  # republished: valid from the one before
]
CUTS = [
    pytest.param((0, *cut, len(LOG)), id=str(cut))
    for size in (0, 1, 2, 5)
    for cut in combinations(range(1, len(LOG)), size)
]


def present(connection: psycopg.Connection) -> list[str]:
    return [state for (state,) in connection.execute("SELECT avtale_status FROM avtale")]


def write_and_set_back(store: Store, connection: psycopg.Connection, log: list[Message]) -> tuple[Any, ...]:
    """Write a log, and set the row back to its first message; return the tables from before that."""
    write(store, log[0])
    connection.execute("CREATE TABLE backup AS SELECT * FROM avtale")
    write(store, *log[1:])
    before = comparable(tables(connection))
    connection.execute("DELETE FROM avtale")
    connection.execute("INSERT INTO avtale SELECT * FROM backup")
    return before


@pytest.mark.parametrize("points", CUTS)
def test_a_deleted_row_is_restored(
    points: Sequence[int], store: Store, rewrite: Rewrite, connection: psycopg.Connection
) -> None:
    """A superseded version is present at no commit, and enters history no second time."""
    write(store, *LOG)
    before = comparable(tables(connection))
    assert before[1] != []
    connection.execute("DELETE FROM avtale")
    for start, end in pairwise(points):
        tally = rewrite.write(LOG[start:end])
        assert present(connection) == (["NEWEST"] if end > 4 else [])
        assert tally.messages == end - start
    assert comparable(tables(connection)) == before


@pytest.mark.parametrize("points", CUTS)
def test_a_row_that_was_set_back_is_restored(
    points: Sequence[int], store: Store, rewrite: Rewrite, connection: psycopg.Connection
) -> None:
    before = write_and_set_back(store, connection, LOG)
    for start, end in pairwise(points):
        rewrite.write(LOG[start:end])
        assert present(connection) == ["NEWEST" if end > 4 else "A"]
    assert comparable(tables(connection)) == before


@pytest.mark.parametrize("points", [(0, 3), (0, 2, 3), (0, 1, 2, 3)])
def test_a_state_that_returned_is_valid_from_its_return(
    points: Sequence[int], store: Store, rewrite: Rewrite, connection: psycopg.Connection
) -> None:
    """History has another state between the row and the newest message, so the newest is no repetition."""
    log = [version(0, 1, "A"), version(1, 1, "B"), version(2, 1, "A")]
    before = write_and_set_back(store, connection, log)
    for start, end in pairwise(points):
        assert rewrite.write(log[start:end]).columns == {}
    assert comparable(tables(connection)) == before


def test_versions_after_a_tombstone_are_restored_without_its_marker(
    store: Store, rewrite: Rewrite, connection: psycopg.Connection
) -> None:
    log = [version(0, 5, "BEFORE"), tombstone(1, offset=1), version(2, 1, "A"), version(3, 2, "NEWEST")]
    write(store, *log)
    before = comparable(tables(connection))
    connection.execute("TRUNCATE avtale, avtale_slettet")
    seen: list[list[str]] = []

    def note_status(tx: Transaction, _: Message, __: Tally) -> None:
        seen.append([avtale.avtale_status for avtale in tx.avtaler([avtale_id(1)]).values()])

    rewrite.write(log, note_status)
    assert seen == [["NEWEST"]]
    assert comparable(tables(connection)) == before
