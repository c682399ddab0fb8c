"""The meaning of the fields of a message."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from datadeling.domain.avtale import Avtale
from datadeling.domain.hendelse import Place, Sletting
from datadeling.pipeline.message import Message, Unreadable
from datadeling.pipeline.transform import read
from tests.hendelser import EPOCH, avtale_id, melding, record, tombstone

KEY = avtale_id(1).encode()


def version(message: Message) -> Avtale:
    reading = read(message, 2, EPOCH)
    assert isinstance(reading, Avtale)
    return reading


def test_a_version_has_the_place_of_its_message() -> None:
    avtale = version(melding(offset=17, partition=1))
    assert avtale.place == Place(2, 1, 17)
    assert avtale.hendelse_tidspunkt == melding(offset=17).timestamp
    assert avtale.mottatt_tidspunkt == EPOCH


def test_each_field_is_read_from_the_one_of_its_name() -> None:
    times = {
        name: datetime(2026, 1, day, 12, tzinfo=UTC)
        for day, name in enumerate(
            (
                "avtaleInngått", "godkjentAvDeltaker", "godkjentAvArbeidsgiver", "godkjentAvVeileder",
                "godkjentAvBeslutter", "opprettetTidspunkt", "annullertTidspunkt", "sistEndret",
            ),
            1,
        )
    }  # fmt: skip
    instants = {"annullertTidspunkt", "sistEndret"}
    written = {
        name: f"{time:%Y-%m-%dT%H:%M:%SZ}" if name in instants else f"{time:%Y-%m-%dT13:%M:%S}"  # in Oslo
        for name, time in times.items()
    }
    values = {
        "avtaleNr": 1, "deltakerFnr": "01890100150", "bedriftNr": "999999999", "veilederNavIdent": "Z1",
        "tiltakstype": "VTAO", "avtaleStatus": "AVSLUTTET", "versjon": 2, "opphav": "ARENA",
        "startDato": "2026-02-01", "sluttDato": "2026-03-01", "stillingprosent": 50.5,
        "antallDagerPerUke": 4, "stillingstype": "FAST", "godkjentPaVegneAv": True,
        "godkjentPaVegneAvArbeidsgiver": False, "godkjentAvNavIdent": "Z2",
        "godkjentAvBeslutterNavIdent": "Z3",
    }  # fmt: skip
    avtale = version(melding(4, offset=9, partition=5, **values, **written))
    expected = {
        "avtale_id": avtale_id(4),
        "avtale_nr": 1,
        "deltaker_fnr": "01890100150",
        "bedrift_nr": "999999999",
        "veileder_nav_ident": "Z1",
        "tiltakstype": "VTAO",
        "avtale_status": "AVSLUTTET",
        "versjon": 2,
        "opphav": "ARENA",
        "start_dato": date(2026, 2, 1),
        "slutt_dato": date(2026, 3, 1),
        "stillingprosent": Decimal("50.5"),
        "antall_dager_per_uke": Decimal(4),
        "stillingstype": "FAST",
        "avtale_inngaatt": times["avtaleInngått"],
        "godkjent_av_deltaker": times["godkjentAvDeltaker"],
        "godkjent_av_arbeidsgiver": times["godkjentAvArbeidsgiver"],
        "godkjent_av_veileder": times["godkjentAvVeileder"],
        "godkjent_av_beslutter": times["godkjentAvBeslutter"],
        "godkjent_paa_vegne_av": True,
        "godkjent_paa_vegne_av_arbeidsgiver": False,
        "godkjent_av_nav_ident": "Z2",
        "godkjent_av_beslutter_nav_ident": "Z3",
        "annullert_tidspunkt": times["annullertTidspunkt"],
        "feilregistrert": False,
        "opprettet_tidspunkt": times["opprettetTidspunkt"],
        "endret_tidspunkt": times["sistEndret"],
        "generation": 2,
        "kafka_partition": 5,
        "kafka_offset": 9,
        "hendelse_tidspunkt": melding(4, offset=9).timestamp,
        "mottatt_tidspunkt": EPOCH,
    }
    assert {name: getattr(avtale, name) for name in expected} == expected


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


@pytest.mark.parametrize("key", [None, b"", b"x", b"\xff", KEY + b"\n", KEY[:-1]])
def test_a_tombstone_needs_a_key(key: bytes | None) -> None:
    result = read(record(3, key, None), 0, EPOCH)
    assert isinstance(result, Unreadable)
    assert (result.reason, result.key) == ("invalid_key", key)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sistEndret", "2022-02-04T08:46:39"),
        ("opprettetTidspunkt", "0001-01-01T00:00"),
        ("avtaleInngått", "2022-02-04T24:00"),
        ("annullertTidspunkt", "2022-02-30T08:46:39Z"),
        ("startDato", "2022-02-30"),
    ],
)
def test_a_field_with_an_invalid_time_is_named(name: str, text: str) -> None:
    fields: dict[str, Any] = {name: text}
    result = read(melding(1, **fields), 0, EPOCH)
    assert isinstance(result, Unreadable)
    assert (result.reason, result.text) == (
        "invalid_time",
        f"{name} is not a time or date that can be stored",
    )


def test_an_unreadable_message_keeps_its_bytes() -> None:
    message = record(5, b"key", b"\xff\x00")
    reading = read(message, 0, EPOCH)
    assert isinstance(reading, Unreadable)
    assert (reading.key, reading.value, reading.place) == (b"key", b"\xff\x00", Place(0, 0, 5))
    assert reading.reason == "not_utf8"
