"""The right to run a replay: one process has it, for as long as its connection lives."""

from contextlib import ExitStack

import pytest

from datadeling.db.tables.replays import Claim
from datadeling.errors import DatabaseUnavailable
from tests.integration.operations.replay.replaying import Claims


def test_a_claim_is_one_processs_until_it_lets_go_or_dies(claims: Claims) -> None:
    first, second, another = claims.on(1), claims.on(1), claims.on(2)
    assert first.take()
    assert first.take()
    assert not second.take()
    assert another.take()
    first.release()
    assert second.take()
    claims.kill(second)
    assert first.take()
    assert not second_time(second)


def second_time(claim: Claim) -> bool:
    """What a process hears whose connection was lost: first that, then how it stands."""
    with pytest.raises(DatabaseUnavailable):
        claim.take()
    return claim.take()


def test_a_claim_is_had_again_after_its_connection_was_lost(claims: Claims) -> None:
    claim, other = claims.on(1), claims.on(1)
    assert claim.take()
    claims.kill(claim)
    assert second_time(claim)
    assert not other.take()


def test_a_claim_holds_in_its_own_database_alone(claims: Claims, empty_db_url: str) -> None:
    assert claims.on(1).take()
    elsewhere = Claim(empty_db_url, 1)
    with ExitStack() as stack:
        stack.callback(elsewhere.release)
        assert elsewhere.take()
