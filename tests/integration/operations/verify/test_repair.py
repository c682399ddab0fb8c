"""`--repair` writes missing and different rows as on the topic, and nothing else."""

import psycopg

from datadeling.domain.avtale import COLUMNS
from datadeling.operations.verify.verifier import ROWS
from tests.hendelser import avtale_id, melding, record, tombstone
from tests.integration.operations.verify.conftest import Both, counts, once

EARLIER, LATER = "2022-01-01T00:00:00Z", "2022-03-04T08:46:39Z"


def test_missing_and_different_rows_are_repaired_and_others_left_alone(
    both: Both, connection: psycopg.Connection
) -> None:
    both.handled(
        *(melding(n, partition=n % 3) for n in range(1, 31)), record(0, avtale_id(40).encode(), b"{")
    )
    both.sent(tombstone(98, offset=0, partition=1))
    both.stored(melding(50, offset=10, partition=1))  # surplus
    both.sent(melding(99, partition=1))
    everything = f"SELECT {', '.join(COLUMNS)} FROM avtale ORDER BY avtale_id"
    connection.execute("DELETE FROM failed_message")  # kept long enough
    before, written = both.rows(everything), both.rows("SELECT ctid FROM avtale WHERE avtale_nr > 5")
    connection.execute("UPDATE avtale SET bedrift_nr = NULL WHERE avtale_nr IN (1, 2, 3)")
    connection.execute("DELETE FROM avtale WHERE avtale_nr IN (4, 5)")

    report = both.verify(repair=True)
    assert counts(report) == {"missing": 2, "different": 3, "equal": 25, "surplus": 1, "in_flight": 1}
    assert report.left is not None
    assert report.left.counts == {"equal": 5, "surplus": 1}
    assert (report.faults, report.deleted) == (1, 0)
    after = both.rows(everything)
    stored = len(before[0]) - 1  # when a row was stored: anew, for those that were gone
    assert [row[:stored] for row in after] == [row[:stored] for row in before]
    assert [a for a, b in zip(after, before, strict=True) if a != b] == after[3:5]
    assert both.rows("SELECT ctid FROM avtale WHERE avtale_nr > 5") == written
    assert both.rows("SELECT FROM failed_message") == []  # of an avtale that is not at fault
    assert counts(both.verify()) == {"equal": 30, "surplus": 1, "in_flight": 1}


def test_lost_messages_are_restored_with_their_history(both: Both) -> None:
    both.handled(melding(1), melding(2, sistEndret=LATER))
    both.sent(
        melding(1, avtaleStatus="GJENNOMFØRES"),
        melding(1, avtaleStatus="AVSLUTTET"),
        tombstone(2, offset=0),
        melding(2, sistEndret=EARLIER),
    )
    both.stand_at(6)
    report = both.verify(repair=True)
    assert counts(report) == {"different": 2}
    assert report.faults == 0
    assert both.rows("SELECT avtale_status FROM avtale_historikk ORDER BY kafka_offset") == [
        ("PÅBEGYNT",),
        ("GJENNOMFØRES",),
    ]
    assert both.rows("SELECT avtale_nr, kafka_offset FROM avtale ORDER BY 1") == [(1, 3), (2, 5)]
    assert both.rows("SELECT kafka_offset FROM avtale_slettet") == [(4,)]


def test_a_repair_reads_only_the_verified_offsets(both: Both) -> None:
    """The consumer goes on meanwhile: what it has handled since is its own."""
    both.handled(melding(1), melding(2))
    both.rows("DELETE FROM avtale RETURNING 1")

    def go_on() -> None:
        both.handled(melding(1, sistEndret=LATER))
        both.rows("DELETE FROM avtale RETURNING 1")

    report = both.verify(repair=True, progress=once(ROWS, go_on))
    assert counts(report) == {"missing": 2}
    assert both.rows("SELECT avtale_nr, kafka_offset FROM avtale ORDER BY 1") == [(1, 0), (2, 1)]


def test_a_repair_reads_generations_in_order(both: Both) -> None:
    moved = [melding(1, sistEndret=LATER), *(melding(2) for _ in range(2_000)), tombstone(1, offset=0)]
    both.handled(*moved, melding(3, partition=1))
    with both.database.transaction() as tx:
        tx.raise_generation(both.name, None)
    both.handled(melding(1, partition=1), melding(2, partition=1))
    both.rows("DELETE FROM avtale RETURNING 1")
    both.rows("DELETE FROM avtale_slettet RETURNING 1")
    report = both.verify(repair=True)
    assert (counts(report), report.faults) == ({"missing": 3}, 0)
    assert both.rows("SELECT avtale_nr, generation FROM avtale ORDER BY 1") == [(1, 1), (2, 1), (3, 0)]


def test_a_row_with_a_changed_edit_time_is_repaired(both: Both) -> None:
    both.handled(melding(1), melding(2))
    both.rows("UPDATE avtale SET endret_tidspunkt = '2030-01-01Z' WHERE avtale_nr = 1 RETURNING 1")
    report = both.verify(repair=True)
    assert counts(report) == {"equal": 1, "different": 1}
    assert report.found.columns == {"endret_tidspunkt": 1}
    assert report.faults == 0
    assert counts(both.verify()) == {"equal": 2}
