"""`--delete-surplus`: what the topic lacks goes, with all that belongs to it, and stays away."""

from contextlib import closing

import pytest

from datadeling.db.database import Database
from datadeling.domain.hendelse import Place
from datadeling.errors import DatabaseUnavailable
from datadeling.operations.action import OperatorAction
from datadeling.operations.verify.summary import Summary, key_of
from datadeling.operations.verify.verifier import ROWS, delete_rows
from datadeling.pipeline.partitioner import partition_of
from datadeling.pipeline.rewrite import Rewrite
from tests.hendelser import FNR, avtale_id, melding, tombstone
from tests.integration.operations.verify.conftest import Both, counts, once

LATER = "2022-03-04T08:46:39Z"
MARKERS = "SELECT avtale_id::text, generation, kafka_partition, kafka_offset FROM avtale_slettet ORDER BY 1"


def test_only_on_demand(both: Both) -> None:
    both.sent(melding(2))
    both.stored(melding(1, offset=0))
    assert counts(both.verify(repair=True)) == {"missing": 1, "surplus": 1}
    assert both.rows("SELECT avtale_nr FROM avtale ORDER BY 1") == [(1,), (2,)]


def test_to_delete_is_not_to_repair(both: Both) -> None:
    both.sent(melding(2))
    both.stored(melding(1, offset=0))
    report = both.verify(delete=True)
    assert (report.deleted, report.faults) == (1, 1)
    assert both.rows("SELECT FROM avtale") == []


def test_all_of_it_goes_and_a_marker_stands_where_the_consumer_stood(both: Both) -> None:
    both.sent(melding(2), melding(2), melding(2))
    log = [melding(1, offset=0), melding(1, offset=1, sistEndret=LATER), melding(2, offset=2)]
    both.stored(*log)
    both.rows("""
        INSERT INTO failed_message
        SELECT topic, 0, 0, avtale_nr, convert_to(avtale_id::text, 'UTF8'), '{', now(), 'invalid_field', ''
        FROM avtale, consumer_offset
        RETURNING 1
    """)
    report = both.verify(delete=True)
    assert counts(report) == {"equal": 1, "surplus": 1}
    assert (report.deleted, report.faults) == (1, 0)
    assert both.rows("SELECT avtale_nr FROM avtale") == [(2,)]
    assert both.rows("SELECT FROM avtale_historikk") == []
    assert both.rows("SELECT convert_from(key, 'UTF8') FROM failed_message") == [(avtale_id(2),)]
    assert both.rows(MARKERS) == [(avtale_id(1), 0, 0, 2)]
    assert Rewrite(both.database, both.name).write(log).outcomes["older"] == 2
    assert counts(both.verify()) == {"equal": 1}
    both.handled(melding(1))
    assert counts(both.verify()) == {"equal": 2}  # a new message makes it appear again


def test_a_marker_stands_at_the_tombstone_that_was_lost(both: Both) -> None:
    log = both.handled(melding(1))
    both.sent(tombstone(1, offset=1), melding(2))
    both.stored(melding(2, offset=2))
    assert both.verify(delete=True).deleted == 1
    assert both.rows(MARKERS) == [(avtale_id(1), 0, 0, 1)]
    assert Rewrite(both.database, both.name).write(log).outcomes == {"older": 1}


def test_a_tombstone_before_the_row_does_not_count(both: Both) -> None:
    both.handled(melding(1), tombstone(1, offset=1))
    both.sent(melding(2), melding(2))
    both.stored(melding(1, offset=2), melding(2, offset=3))
    assert both.verify(delete=True).deleted == 1
    assert both.rows(MARKERS) == [(avtale_id(1), 0, 0, 3)]
    assert both.rows("SELECT avtale_nr FROM avtale") == [(2,)]


def test_where_offsets_mean_nothing_a_marker_stands_where_the_next_message_comes(both: Both) -> None:
    both.stored(melding(7, offset=77), *(melding(0, offset=0, partition=p) for p in (1, 2)))
    with both.database.transaction() as tx:
        tx.raise_generation(both.name, {0: 0, 1: 0, 2: 0})
    both.handled(*(melding(p, partition=p) for p in range(3) for _ in range(p + 3)))
    partition = partition_of(avtale_id(7).encode(), 3)
    assert partition != 0  # else this shows nothing
    assert both.verify(delete=True).deleted == 1
    assert both.rows(MARKERS) == [(avtale_id(7), 1, partition, partition + 2)]


def test_a_row_that_has_moved_meanwhile_is_left_alone(both: Both) -> None:
    both.stored(melding(1, offset=0), melding(2, offset=1))
    with both.database.transaction() as tx:
        summary = Summary(tx.positions(both.name), {})
    places = {key_of(avtale_id(n)): Place(0, 0, n - 1) for n in (1, 2)}
    both.stored(melding(1, offset=2))
    assert delete_rows(both.database, both.name, summary, places, OperatorAction("a test")) == 1
    assert both.rows("SELECT avtale_nr FROM avtale") == [(1,)]
    assert both.rows(MARKERS) == [(avtale_id(2), 0, 0, 1)]


def test_a_message_that_came_meanwhile_counts(both: Both) -> None:
    """It was older than the row, and so was nothing then; now the row is gone."""
    both.stored(melding(1, offset=0, sistEndret=LATER))
    both.sent(melding(2))
    go_on = once(ROWS, lambda: both.handled(melding(1)))
    assert both.verify(delete=True, progress=go_on).deleted == 1
    assert both.rows(MARKERS) == [(avtale_id(1), 0, 0, 0)]
    assert both.verify(repair=True).found.faults == {key_of(avtale_id(1)), key_of(avtale_id(2))}
    assert counts(both.verify()) == {"equal": 2}


def test_the_deletion_is_recorded_without_identity_numbers(both: Both) -> None:
    both.sent(melding(2))
    both.stored(melding(1, offset=0))
    both.verify(delete=True)
    rows = both.rows("SELECT who, command, target, reason FROM operator_log")
    assert rows == [("a test", "verify --delete-surplus", avtale_id(1), "the topic lacks it")]
    assert FNR not in str(rows)
    with both.database.transaction() as tx:
        assert tx.rows(str, "erased_by_hand") == []  # another topic may bring it back


def test_the_deletion_locks_every_partition(both: Both, db_url: str) -> None:
    both.stored(melding(1, offset=0), melding(2, offset=0, partition=2))
    impatient = Database(f"{db_url}{'&' if '?' in db_url else '?'}options=-c%20lock_timeout%3D100ms", "test")
    places = {key_of(avtale_id(1)): Place(0, 0, 0)}
    with closing(impatient), both.database.transaction() as writer:
        writer.lock_partition(both.name, 2)
        with pytest.raises(DatabaseUnavailable):
            delete_rows(impatient, both.name, Summary({}, {}), places, OperatorAction("a test"))
    assert len(both.rows("SELECT FROM avtale")) == 2
