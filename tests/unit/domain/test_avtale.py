"""The rule for which of two versions wins."""

from datetime import UTC, datetime

import pytest

from datadeling.domain.avtale import Avtale, Superseded
from datadeling.domain.hendelse import Place
from datadeling.pipeline.transform import read
from tests.hendelser import EPOCH, melding


def version(endret: int = 0, generation: int = 0, offset: int = 0, status: str = "PÅBEGYNT") -> Avtale:
    reading = read(
        melding(offset=offset, sistEndret=f"2022-02-04T08:46:0{endret}Z", avtaleStatus=status),
        generation,
        EPOCH,
    )
    assert isinstance(reading, Avtale)
    return reading


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        pytest.param(
            version(endret=2, offset=1), version(endret=1, offset=9), id="edited later, sent earlier"
        ),
        pytest.param(version(endret=1, offset=2), version(endret=1, offset=1), id="same edit, later offset"),
        pytest.param(version(generation=1, offset=0), version(offset=9), id="same edit, later generation"),
        pytest.param(
            version(endret=2, generation=0),
            version(endret=1, generation=1),
            id="the edit before the generation",
        ),
    ],
)
def test_the_newest_wins(newer: Avtale, older: Avtale) -> None:
    assert newer.is_newer_than(older)
    assert not older.is_newer_than(newer)
    assert not newer.is_same_message_as(older)


def test_a_version_is_not_newer_than_itself() -> None:
    assert not version().is_newer_than(version())
    assert version().is_same_message_as(version())


def test_the_place_is_no_part_of_the_state() -> None:
    assert version(offset=1).same_state(version(offset=2))
    assert not version(status="PÅBEGYNT").same_state(version(status="AVSLUTTET"))
    assert not version(endret=1).same_state(version(endret=2))


@pytest.mark.parametrize(
    ("other", "columns"),
    [
        pytest.param(version(), [], id="nothing"),
        pytest.param(version(offset=7, generation=1), [], id="the place is not shared"),
        pytest.param(version(status="AVSLUTTET"), ["avtale_status"], id="one"),
        pytest.param(
            version(endret=1, status="AVSLUTTET")._replace(bedrift_nr=None),
            ["bedrift_nr", "avtale_status", "endret_tidspunkt"],
            id="several, in the order of the table",
        ),
        pytest.param(
            version()._replace(hendelse_tidspunkt=datetime(2026, 1, 2, tzinfo=UTC)), [], id="record time"
        ),
    ],
)
def test_the_shared_columns_that_differ_are_named(other: Avtale, columns: list[str]) -> None:
    assert version().differing(other) == other.differing(version()) == columns
    assert version().same_state(other) is (not columns)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        pytest.param(version(offset=3, status="AVSLUTTET"), True, id="read otherwise"),
        pytest.param(version(offset=3, endret=2), True, id="another time of the edit found in it"),
        pytest.param(version(offset=4), False, id="another offset"),
        pytest.param(version(offset=3, generation=1), False, id="another generation"),
        pytest.param(version(offset=3)._replace(kafka_partition=1), False, id="another partition"),
    ],
)
def test_a_message_is_identified_by_its_place(other: Avtale, same: bool) -> None:
    assert version(offset=3).is_same_message_as(other) is same
    assert other.is_same_message_as(version(offset=3)) is same


def test_a_place_is_compared_by_generation_and_offset() -> None:
    assert Place(1, 0, 0).is_after(Place(0, 5, 9))
    assert Place(0, 0, 2).is_after(Place(0, 1, 1))
    assert not Place(0, 0, 1).is_after(Place(0, 0, 1))


def test_history_is_an_empty_interval_when_record_times_run_backwards() -> None:
    old = version()._replace(hendelse_tidspunkt=datetime(2026, 1, 2, tzinfo=UTC))
    new = version(endret=1)._replace(hendelse_tidspunkt=datetime(2026, 1, 1, tzinfo=UTC))
    superseded = Superseded.by(new, old)
    assert superseded.gyldig_fra == superseded.gyldig_til == old.hendelse_tidspunkt
