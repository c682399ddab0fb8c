"""What `verify` calls each difference between the topic and the tables, and what it leaves alone."""

import psycopg
import pytest

from datadeling.errors import TopicChanged
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase
from tests.hendelser import avtale_id, melding, record, tombstone
from tests.integration.inside import Inside
from tests.integration.operations.verify.conftest import Both, counts
from tests.integration.plans import REFUSED

EARLIER, LATER = "2022-01-01T00:00:00Z", "2022-03-04T08:46:39Z"

NUMBERS = (0, 1, 2, 2**128 - 1)  # among them the first and the last id there can be
BAD = record(0, avtale_id(1).encode(), b"{")


def test_up_to_date_tables_have_no_fault_and_are_not_written(both: Both, inside: Inside) -> None:
    both.handled(
        *(melding(n, partition=n % 3, avtaleNr=7) for n in NUMBERS),
        melding(1, partition=1, sistEndret=LATER, bedriftNr="888888888"),
        melding(1, partition=1, sistEndret=EARLIER),
        melding(5),
        tombstone(5, offset=0),
        melding(6),
        melding(6),
        BAD,
        record(0, None, b"{"),
    )
    before = inside.traces()
    report = both.verify(repair=True, delete=True)
    assert counts(report) == {"equal": len(NUMBERS) + 1}
    assert (report.messages, report.unreadable, report.faults, report.deleted) == (12, 2, 0, 0)
    assert inside.traces() == before


def test_messages_of_an_unread_topic_are_in_flight(both: Both) -> None:
    both.sent(melding(1), melding(2, partition=2), melding(2, partition=2))
    report = both.verify()
    assert counts(report) == {"in_flight": 2}
    assert report.faults == 0


def test_different_columns_are_counted(both: Both, connection: psycopg.Connection) -> None:
    both.handled(*(melding(n) for n in range(9)))
    connection.execute("UPDATE avtale SET bedrift_nr = NULL WHERE avtale_nr < 5")
    connection.execute("UPDATE avtale SET opphav = 'ARENA', stillingprosent = 50 WHERE avtale_nr < 2")
    report = both.verify()
    assert counts(report) == {"equal": 4, "different": 5}
    assert report.found.columns == {"bedrift_nr": 5, "opphav": 2, "stillingprosent": 2}
    assert report.found.examples == {"different": [avtale_id(n) for n in range(5)]}
    assert report.faults == 5


def test_a_lost_message_makes_its_avtale_different(both: Both) -> None:
    both.handled(melding(1), melding(2))
    both.sent(melding(1, avtaleStatus="AVSLUTTET"), melding(2))
    both.stand_at(4)
    report = both.verify()
    assert counts(report) == {"different": 2}
    assert report.found.columns == {"avtale_status": 1, "kafka_offset": 1}


def test_the_examples_are_limited(both: Both, connection: psycopg.Connection) -> None:
    both.handled(*(melding(n) for n in range(30)))
    connection.execute("DELETE FROM avtale")
    report = both.verify()
    assert (counts(report), len(report.found.examples["missing"])) == ({"missing": 30}, 20)


def test_a_row_without_a_message_is_surplus(both: Both) -> None:
    both.sent(melding(2), melding(2), tombstone(0, offset=2))
    both.stored(melding(1, offset=0), melding(2, offset=1), melding(0, offset=1))
    both.stand_at(3)
    assert counts(both.verify()) == {"equal": 1, "surplus": 2}


def test_an_unhandled_message_is_in_flight(both: Both) -> None:
    both.handled(melding(1), melding(2), melding(3))
    both.sent(melding(1, sistEndret=LATER), tombstone(2, offset=4), melding(7))
    report = both.verify()
    assert counts(report) == {"equal": 1, "in_flight": 3}
    assert report.faults == 0


def test_a_missing_avtale_with_an_unhandled_message_is_in_flight(both: Both) -> None:
    both.handled(melding(1))
    both.sent(tombstone(1, offset=1))
    both.rows("DELETE FROM avtale RETURNING 1")
    assert counts(both.verify()) == {"in_flight": 1}


def test_a_row_newer_than_the_topic_is_no_fault(both: Both, inside: Inside) -> None:
    """Published out of order, and compaction kept the one with the greater offset."""
    both.sent(melding(2), melding(1, sistEndret=EARLIER))
    both.stored(melding(1, offset=0), melding(1, offset=1, sistEndret=EARLIER))
    both.rows("UPDATE consumer_offset SET next_offset = 2 RETURNING 1")
    before = inside.traces()
    report = both.verify(repair=True, delete=True)
    assert counts(report) == {"missing": 1, "topic_older": 1}  # the 2 was never written
    assert report.faults == 0
    assert set(before[0]) < set(inside.traces()[0])


def test_a_refused_message_counts_as_parked(both: Both, inside: Inside) -> None:
    inside.clear()
    both.handled(melding(1), melding(1, bedriftNr=REFUSED), melding(2, bedriftNr=REFUSED))
    assert both.rows("SELECT state FROM failed_message") == [("new",), ("new",)]
    for state in ("new", "superseded", "discarded"):
        both.rows(f"UPDATE failed_message SET state = '{state}' RETURNING 1")
        assert counts(both.verify()) == {"parked": 2}
    both.rows("UPDATE failed_message SET state = 'resolved' RETURNING 1")
    assert counts(both.verify()) == {"missing": 1, "different": 1}


def test_a_parked_message_explains_no_column_of_the_same_message(both: Both) -> None:
    (message,) = both.handled(BAD)
    both.stored(melding(2, offset=1))
    both.sent(melding(2))
    both.rows("UPDATE failed_message SET kafka_offset = 1 RETURNING 1")
    both.rows("UPDATE avtale SET bedrift_nr = NULL RETURNING 1")
    assert message.offset == 0
    assert counts(both.verify()) == {"different": 1}


def test_a_row_before_an_unreadable_message_is_no_fault(both: Both) -> None:
    both.sent(melding(2), BAD)
    both.stored(melding(1, offset=0), BAD._replace(offset=1))
    report = both.verify()
    assert counts(report) == {"missing": 1, "parked": 1}
    assert report.unreadable == 1


def test_a_row_whose_message_was_dropped_by_retention_is_not_surplus(both: Both) -> None:
    both.handled(melding(1), melding(2), melding(3), melding(4, partition=1), melding(5, partition=1))
    both.drop_before(2)
    report = both.verify(delete=True)
    assert counts(report) == {"equal": 3, "beyond_log": 2}
    assert (report.deleted, len(both.rows("SELECT FROM avtale"))) == (0, 5)


def test_an_avtale_deleted_by_hand_is_not_missing(both: Both) -> None:
    both.handled(melding(1), melding(2), melding(2, sistEndret=LATER))
    erase(both.database, both.name, avtale_id(2), OperatorAction("a test"))
    assert counts(both.verify()) == {"equal": 1}
    both.handled(melding(2, sistEndret=EARLIER))
    assert counts(both.verify()) == {"equal": 2}  # older than what was erased, and the only one that counts


def test_an_avtale_that_has_moved_is_read_in_the_order_of_generations(both: Both) -> None:
    """Its tombstone is on the one partition, what came afterwards on the other."""
    both.handled(melding(1, sistEndret=LATER), *(melding(2) for _ in range(2_000)), tombstone(1, offset=0))
    both.handled(melding(3, partition=1))
    with both.database.transaction() as tx:
        tx.raise_generation(both.name, None)
    both.handled(melding(1, partition=1), melding(2, partition=1))
    assert counts(both.verify()) == {"equal": 3}
    assert both.rows("SELECT generation, kafka_partition FROM avtale WHERE avtale_nr = 1") == [(1, 1)]


def test_rows_of_a_former_topic_that_the_new_one_lacks_are_surplus(both: Both) -> None:
    both.sent(melding(1), melding(2))
    both.stored(melding(1, offset=77), melding(3, offset=78))
    with both.database.transaction() as tx:
        tx.raise_generation(both.name, {0: 0})
    assert counts(both.verify()) == {"surplus": 1, "in_flight": 2}
    both.stored(melding(1, offset=0), melding(2, offset=1))
    assert counts(both.verify()) == {"equal": 2, "surplus": 1}
    both.drop_before(1)
    assert counts(both.verify()) == {"equal": 1, "beyond_log": 2}


def test_another_topic_is_refused(both: Both) -> None:
    both.handled(melding(1))
    with both.database.transaction() as tx:
        tx.run("recognise_topic", topic=both.name, partition=0, topic_id="the one that was here before")
    with pytest.raises(TopicChanged, match="another topic"):
        both.verify()


def test_a_topic_shorter_than_the_offsets_is_refused(both: Both) -> None:
    both.handled(melding(1))
    both.stand_at(2)
    with pytest.raises(TopicChanged, match="partition 0"):
        both.verify()
