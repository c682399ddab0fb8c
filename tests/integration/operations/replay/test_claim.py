"""Claims: one process at a time has the right to run a replay, as long as its connection lives."""

from contextlib import ExitStack

import pytest

from datadeling.db.database import Claim
from datadeling.errors import DatabaseUnavailable
from tests.integration.operations.replay.replaying import Claims
from tests.waiting import wait_until


def test_one_process_has_a_claim_until_it_releases_it_or_dies(claims: Claims) -> None:
    first, second, another = claims.on(1), claims.on(1), claims.on(2)
    assert first.take()
    assert first.take()
    assert not second.take()
    assert another.take()
    first.release()
    wait_until(second.take, "the server notices that the connection is closed")
    claims.kill(second)
    assert first.take()
    assert not take_again(second)


def take_again(claim: Claim) -> bool:
    """Take the claim after its connection was lost: the first call raises, the second reconnects."""
    with pytest.raises(DatabaseUnavailable):
        claim.take()
    return claim.take()


def test_a_claim_can_be_taken_again_after_its_connection_was_lost(claims: Claims) -> None:
    claim, other = claims.on(1), claims.on(1)
    assert claim.take()
    claims.kill(claim)
    assert take_again(claim)
    assert not other.take()


def test_a_claim_holds_in_one_database(claims: Claims, empty_db_url: str) -> None:
    assert claims.on(1).take()
    elsewhere = Claim(empty_db_url, 1)
    with ExitStack() as stack:
        stack.callback(elsewhere.release)
        assert elsewhere.take()
