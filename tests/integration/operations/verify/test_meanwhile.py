"""What happens while `verify` is at work is no fault, and hides none."""

from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase
from datadeling.operations.verify.verifier import MESSAGES, ROWS
from tests.hendelser import avtale_id, melding, tombstone
from tests.integration.operations.verify.conftest import Both, counts, once

LATER = "2022-03-04T08:46:39Z"


def test_the_consumer_goes_on(both: Both) -> None:
    both.handled(*(melding(n) for n in range(9)))
    for when in (MESSAGES, ROWS):
        report = both.verify(
            progress=once(
                when,
                lambda: both.handled(
                    melding(1, sistEndret=LATER), tombstone(2, offset=0), melding(77), melding(3)
                ),
            )
        )
        assert report.faults == 0
    assert counts(both.verify()) == {"equal": 9}


def test_a_message_that_came_meanwhile_explains_a_compacted_one(both: Both) -> None:
    """The row's own message is gone already, because of a newer one that was not there when we began."""
    both.sent(melding(2), melding(2))
    both.stored(melding(1, offset=0), melding(2, offset=1))
    report = both.verify(delete=True, progress=once(MESSAGES, lambda: both.sent(melding(1))))
    assert counts(report) == {"equal": 1, "in_flight": 1}


def test_messages_dropped_meanwhile_are_beyond_the_log(both: Both) -> None:
    both.sent(melding(2), melding(2))
    both.stored(melding(1, offset=0), melding(2, offset=1))
    report = both.verify(delete=True, progress=once(MESSAGES, lambda: both.drop_before(1)))
    assert counts(report) == {"equal": 1, "beyond_log": 1}


def test_a_row_found_at_the_second_read_is_not_missing(both: Both) -> None:
    both.handled(melding(1), melding(2))
    kept = both.rows("DELETE FROM avtale WHERE avtale_nr = 2 RETURNING avtale::text")[0][0]
    back = f"INSERT INTO avtale SELECT ('{kept}'::avtale).* RETURNING 1"
    assert counts(both.verify(progress=once(ROWS, lambda: both.rows(back)))) == {"equal": 2}


def test_a_row_equal_at_the_second_read_is_not_different(both: Both) -> None:
    both.handled(melding(1), melding(2))
    both.rows("UPDATE avtale SET opphav = 'ARENA' RETURNING 1")
    mend = "UPDATE avtale SET opphav = NULL WHERE avtale_nr = 1 RETURNING 1"
    report = both.verify(progress=once(ROWS, lambda: both.rows(mend)))
    assert counts(report) == {"equal": 1, "different": 1}


def test_a_row_gone_at_the_second_read_is_not_surplus(both: Both) -> None:
    both.sent(melding(2), melding(2))
    both.stored(melding(1, offset=0), melding(2, offset=1))
    gone = "DELETE FROM avtale WHERE avtale_nr = 1 RETURNING 1"
    assert counts(both.verify(progress=once(ROWS, lambda: both.rows(gone)))) == {"equal": 1}


def test_an_avtale_deleted_meanwhile_is_not_missing(both: Both) -> None:
    both.handled(melding(1), melding(2))
    by_hand = OperatorAction("a test")
    report = both.verify(
        progress=once(MESSAGES, lambda: erase(both.database, both.name, avtale_id(2), by_hand))
    )
    assert counts(report) == {"equal": 1}
