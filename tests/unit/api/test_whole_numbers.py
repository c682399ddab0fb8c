"""Whole numbers as JSON and addresses have them, and in no other of Python's spellings."""

import pytest

from datadeling.api.schemas import NO_COUNT, NO_NUMBER
from datadeling.api.v1.avtaler import AvtaleNrQuery, AvtalesoekSpoersmaal


@pytest.mark.parametrize("antall", [1, 1.0, 1e3, 1_000])
def test_a_body_may_write_a_whole_number_as_it_likes(antall: float) -> None:
    loaded = AvtalesoekSpoersmaal().load({"bedriftNr": "1", "antall": antall})
    assert (loaded["antall"], type(loaded["antall"])) == (int(antall), int)


@pytest.mark.parametrize("antall", [1.5, True, "1", 0, 0.0, 1001.0, 1e300, [1], {}])
def test_a_body_may_not_send_anything_else(antall: object) -> None:
    assert AvtalesoekSpoersmaal().validate({"antall": antall}) == {"antall": [NO_COUNT]}


@pytest.mark.parametrize(("given", "number"), [("0", 0), ("-5", -5), ("0007", 7), ("2147483647", 2**31 - 1)])
def test_digits_are_a_number_in_an_address(given: str, number: int) -> None:
    assert AvtaleNrQuery().load({"avtaleNr": given}) == {"avtaleNr": number}


@pytest.mark.parametrize(
    "given", ["", " 5", "5 ", "1_000", "1.0", "1e3", "+5", "٥", "５", "2147483648", "5,6"]
)
def test_nothing_else_is(given: str) -> None:
    assert AvtaleNrQuery().validate({"avtaleNr": given}) == {"avtaleNr": [NO_NUMBER]}
