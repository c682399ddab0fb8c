"""What the fields of a message mean."""

from decimal import Decimal

import pytest

from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place, Sletting
from datadeling.ingest.melding import Melding, Unreadable
from datadeling.ingest.transform import read
from tests.hendelser import EPOCH, avtale_id, melding, record, tombstone


def version(message: Melding) -> Avtale:
    reading = read(message, 2, EPOCH)
    assert isinstance(reading, Avtale)
    return reading


def test_a_version_knows_where_it_comes_from() -> None:
    avtale = version(melding(offset=17, partition=1))
    assert avtale.place == Place(2, 1, 17)
    assert avtale.hendelse_tidspunkt == melding(offset=17).timestamp
    assert avtale.mottatt_tidspunkt == EPOCH


def test_the_mentors_share_of_a_position_is_not_the_participants() -> None:
    assert version(melding(tiltakstype="MENTOR")).stillingprosent is None
    assert version(melding(tiltakstype="VTAO")).stillingprosent == Decimal("50.5")


@pytest.mark.parametrize(
    ("feilregistrert", "slettemerket", "expected"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_slettemerket_is_feilregistrert(feilregistrert: bool, slettemerket: bool, expected: bool) -> None:
    avtale = version(melding(feilregistrert=feilregistrert, slettemerket=slettemerket))
    assert avtale.feilregistrert is expected


def test_a_null_value_is_a_tombstone() -> None:
    assert read(tombstone(1, offset=4), 0, EPOCH) == Sletting(avtale_id(1), Place(0, 0, 4))


def test_what_cannot_be_read_is_kept_as_it_came() -> None:
    message = record(5, b"key", b"\xff\x00")
    reading = read(message, 0, EPOCH)
    assert isinstance(reading, Unreadable)
    assert (reading.key, reading.value, reading.place) == (b"key", b"\xff\x00", Place(0, 0, 5))
    assert reading.reason == "not_utf8"
