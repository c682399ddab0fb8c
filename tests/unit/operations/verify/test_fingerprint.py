"""Two versions pack_place into bytes compare as the versions do."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.domain.avtale import Avtale
from datadeling.domain.felt import FELTER
from datadeling.domain.hendelse import Place
from datadeling.operations.verify.summary import (
    UNKNOWN,
    differing,
    fingerprint,
    is_newer,
    place_of,
)
from datadeling.pipeline.transform import read
from tests.hendelser import EPOCH, melding

_found = read(melding(1, offset=5), 0, EPOCH)
assert isinstance(_found, Avtale)
AVTALE: Avtale = _found


def changed(column: str, value: Any) -> Avtale:
    return Avtale(**{**AVTALE._asdict(), column: value})


places = st.builds(Place, st.integers(0, 2), st.integers(0, 2), st.integers(-1, 300))
orders = st.builds(
    lambda place, seconds: AVTALE._replace(
        generation=place.generation,
        kafka_partition=place.partition,
        kafka_offset=abs(place.offset),
        endret_tidspunkt=EPOCH + timedelta(microseconds=seconds),
    ),
    places,
    st.integers(-300, 300),
)


@given(orders, orders)
def test_the_newest_is_the_newest(a: Avtale, b: Avtale) -> None:
    assert is_newer(fingerprint(a), fingerprint(b)) == a.is_newer_than(b)
    assert place_of(fingerprint(a)) == a.place


@pytest.mark.parametrize("endret", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)])
def test_any_time_of_a_calendar_fits(endret: datetime) -> None:
    other = fingerprint(AVTALE._replace(endret_tidspunkt=endret))
    assert is_newer(other, fingerprint(AVTALE)) == (endret > EPOCH)


def test_a_row_read_from_postgresql_has_the_same_fingerprint() -> None:
    stored = AVTALE._replace(
        stillingprosent=Decimal("50.5000"),
        mottatt_tidspunkt=EPOCH + timedelta(1),
        hendelse_tidspunkt=EPOCH,
        kafka_offset=7,
    )
    assert set(differing(fingerprint(stored), fingerprint(AVTALE))) <= {"kafka_offset"}


_OTHERS = {
    "avtale_id": "00000000-0000-0000-0000-000000000002",
    "versjon": 2,
    "start_dato": date(2022, 2, 2),
    "stillingprosent": Decimal(50),
    "godkjent_paa_vegne_av": True,
    "godkjent_paa_vegne_av_arbeidsgiver": True,
    "feilregistrert": True,
}


@pytest.mark.parametrize("column", [felt.column for felt in FELTER])
def test_each_shared_column_is_named_when_it_differs(column: str) -> None:
    other = _OTHERS.get(column, EPOCH if "tidspunkt" in column else "something else")
    version = fingerprint(changed(column, other))
    assert differing(version, fingerprint(AVTALE)) == (column,)


@pytest.mark.parametrize("column", ["avtale_nr", "antall_dager_per_uke"])
def test_minus_one_is_not_minus_two(column: str) -> None:
    one, two = changed(column, -1), changed(column, -2)
    assert hash(one) == hash(two)  # else this shows nothing
    assert differing(fingerprint(one), fingerprint(two)) == (column,)


def test_numbers_that_are_close_have_names_for_their_difference() -> None:
    versions = [fingerprint(AVTALE._replace(stillingprosent=Decimal(n) / 4)) for n in range(401)]
    named = [differing(version, versions[200]) for version in versions]
    assert named.count(("stillingprosent",)) == 400


def test_values_that_change_places_differ() -> None:
    a = AVTALE._replace(opphav="ARENA", stillingstype="FAST")
    b = AVTALE._replace(opphav="FAST", stillingstype="ARENA")
    assert differing(fingerprint(a), fingerprint(b)) == ("opphav", "stillingstype")


def test_a_difference_has_a_name_even_where_the_small_hashes_agree() -> None:
    version = fingerprint(AVTALE)
    other = version[:24] + bytes(8) + version[32:]  # another hash of the whole
    assert differing(version, other) == (UNKNOWN,)


def test_the_same_state_differs_in_its_place() -> None:
    moved = AVTALE._replace(generation=1, kafka_offset=9)
    assert differing(fingerprint(AVTALE), fingerprint(moved)) == ("generation", "kafka_offset")
    assert differing(fingerprint(AVTALE), fingerprint(AVTALE)) == ()
