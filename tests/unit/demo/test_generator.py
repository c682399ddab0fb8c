import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from statistics import median
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datadeling.demo.generator import (
    REFERANSEDATO,
    Record,
    generate_events,
    instant_key,
    siste_tilstand,
)
from tests.unit.demo.kontrakt import ENUMS, FELTER, SJELDNE

COUNT = 5_000

Hendelse = dict[str, Any]


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(generate_events(COUNT, 1))


@pytest.fixture(scope="module")
def hendelser(records: list[Record]) -> list[Hendelse]:
    return [json.loads(record.value or b"") for record in records]


@pytest.fixture(scope="module")
def siste(records: list[Record]) -> list[Hendelse]:
    return list(siste_tilstand(records).values())


def share(hendelser: list[Hendelse], holds: Callable[[Hendelse], object]) -> float:
    return sum(bool(holds(h)) for h in hendelser) / len(hendelser)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 300), st.dates(date(2020, 1, 1), date(2035, 1, 1)))
def test_the_same_seed_and_date_give_the_same_bytes(seed: int, count: int, day: date) -> None:
    first = list(generate_events(count, seed, day))
    assert len(first) == count
    assert first == list(generate_events(count, seed, day))


def test_another_seed_or_date_gives_others() -> None:
    first = list(generate_events(10, 1))
    assert first != list(generate_events(10, 2))
    assert first != list(generate_events(10, 1, date(2024, 2, 29)))


def test_every_field_of_the_contract_is_there_with_its_type(hendelser: list[Hendelse]) -> None:
    for hendelse in hendelser:
        assert FELTER.keys() - SJELDNE <= hendelse.keys()
        wrong = [name for name in FELTER.keys() & hendelse.keys() if not FELTER[name](hendelse[name])]
        assert not wrong


def test_no_enum_value_is_unknown(hendelser: list[Hendelse]) -> None:
    for name, known in ENUMS.items():
        assert {hendelse.get(name) for hendelse in hendelser} <= known


def test_norwegian_letters_are_utf8(records: list[Record]) -> None:
    for record in records:
        assert record.value is not None
        assert '"avtaleInngått":'.encode() in record.value
        assert b"\\u" not in record.value


def test_the_key_is_the_avtale(records: list[Record], hendelser: list[Hendelse]) -> None:
    for record, hendelse in zip(records, hendelser, strict=True):
        assert record.key.decode() == hendelse["avtaleId"] == str(UUID(hendelse["avtaleId"]))


def test_every_identity_number_is_synthetic(hendelser: list[Hendelse]) -> None:
    for hendelse in hendelser:
        for name in ("deltakerFnr", "mentorFnr"):
            assert hendelse[name] is None or 81 <= int(hendelse[name][2:4]) <= 92
        assert re.fullmatch(r"3\d{8}", hendelse["bedriftNr"])


def test_sizes(records: list[Record]) -> None:
    sizes = [len(record.value or b"") for record in records]
    assert min(sizes) > 2_300
    assert 2_700 < median(sizes) < 3_000
    assert 5_000 < max(sizes) < 7_000


def test_four_of_five_are_about_an_avtale_of_their_own(siste: list[Hendelse]) -> None:
    assert 0.78 < len(siste) / COUNT < 0.82


@pytest.mark.parametrize(
    ("low", "high", "holds"),
    [
        pytest.param(0.73, 0.77, lambda h: h["hendelseType"] == "STATUSENDRING", id="STATUSENDRING"),
        pytest.param(0.02, 0.04, lambda h: h["avtaleNr"] is None, id="no avtaleNr"),
        pytest.param(0.17, 0.21, lambda h: h["startDato"] is None, id="no startDato"),
        pytest.param(0.17, 0.22, lambda h: h["sluttDato"] is None, id="no sluttDato"),
        pytest.param(0.05, 0.09, lambda h: "opphav" in h, id="opphav"),
        pytest.param(0.0, 0.02, lambda h: h["deltakerFnr"] is None, id="no deltaker"),
        pytest.param(0.01, 0.2, lambda h: h["stillingprosent"] == 37.5, id="a decimal"),
    ],
)
def test_shares(
    hendelser: list[Hendelse], low: float, high: float, holds: Callable[[Hendelse], object]
) -> None:
    assert low < share(hendelser, holds) < high


@pytest.mark.parametrize(
    ("status", "low", "high"),
    [
        ("AVSLUTTET", 0.46, 0.54),
        ("PÅBEGYNT", 0.29, 0.37),
        ("MANGLER_GODKJENNING", 0.08, 0.12),
        ("ANNULLERT", 0.01, 0.06),
        ("GJENNOMFØRES", 0.01, 0.06),
        ("KLAR_FOR_OPPSTART", 0.003, 0.03),
    ],
)
def test_statuses_at_rest(siste: list[Hendelse], status: str, low: float, high: float) -> None:
    assert low < share(siste, lambda h: h["avtaleStatus"] == status) < high


def test_messages_with_the_same_sist_endret_differ_in_the_status_only(hendelser: list[Hendelse]) -> None:
    about_the_event = {"hendelseType", "innholdType", "utførtAv", "utførtAvRolle", "avtaleStatus"}
    seen: dict[tuple[str, str], Hendelse] = {}
    repeated = 0
    for hendelse in hendelser:
        place = hendelse["avtaleId"], hendelse["sistEndret"]
        content = {name: value for name, value in hendelse.items() if name not in about_the_event}
        repeated += place in seen
        assert seen.setdefault(place, content) == content
    assert 0.68 < repeated / (COUNT - len({h["avtaleId"] for h in hendelser})) < 0.82


def test_a_few_edits_are_published_in_the_wrong_order(hendelser: list[Hendelse]) -> None:
    newest: dict[str, tuple[str, str]] = {}
    late = 0
    for hendelse in hendelser:
        endret = instant_key(hendelse["sistEndret"])
        late += endret < newest.get(hendelse["avtaleId"], endret)
        newest[hendelse["avtaleId"]] = endret
    assert 1 <= late < 0.02 * COUNT


def test_dates_agree_with_the_status_on_the_day_of_reference(siste: list[Hendelse]) -> None:
    today = REFERANSEDATO.isoformat()
    for hendelse in siste:
        start, slutt = hendelse["startDato"], hendelse["sluttDato"]
        match hendelse["avtaleStatus"]:
            case "AVSLUTTET":
                assert start <= slutt < today
            case "GJENNOMFØRES":
                assert start <= today <= (slutt or today)
            case "KLAR_FOR_OPPSTART":
                assert today < start < slutt


def test_times_follow_one_another_and_none_is_to_come(hendelser: list[Hendelse]) -> None:
    for hendelse in hendelser:
        assert hendelse["sistEndret"] < REFERANSEDATO.isoformat()
        approved = hendelse["godkjentAvDeltaker"], hendelse["avtaleInngått"]
        if None not in approved:
            assert hendelse["opprettetTidspunkt"][:16] <= approved[0][:16] <= approved[1][:16]


def test_most_people_have_one_or_two_avtaler_and_none_more_than_thirty(siste: list[Hendelse]) -> None:
    of_person = Counter(h["deltakerFnr"] for h in siste if h["deltakerFnr"])
    assert sum(n <= 2 for n in of_person.values()) / len(of_person) > 0.75
    assert 10 < max(of_person.values()) <= 31


def test_some_employers_have_hundreds(siste: list[Hendelse]) -> None:
    assert max(Counter(h["bedriftNr"] for h in siste).values()) > 100


class Sent(NamedTuple):
    sist_endret: str | None
    text: str = ""


def fold(*messages: Sent) -> str | None:
    """Return the text of the newest message about one avtale."""
    records = [
        Record(b"a", m.sist_endret and json.dumps({"sistEndret": m.sist_endret, "text": m.text}).encode())  # type: ignore[arg-type]
        for m in messages
    ]
    return siste_tilstand(records).get("a", {}).get("text")


@pytest.mark.parametrize(
    ("messages", "left"),
    [
        pytest.param([("2024-01-01T00:00:00Z", "1"), ("2024-01-02T00:00:00Z", "2")], "2", id="newer"),
        pytest.param([("2024-01-02T00:00:00Z", "1"), ("2024-01-01T00:00:00Z", "2")], "1", id="out of order"),
        pytest.param(
            [("2024-01-01T00:00:00Z", "1"), ("2024-01-01T00:00:00Z", "2")], "2", id="equal: the last"
        ),
        pytest.param(
            [("2024-01-01T00:00:00.000001999Z", "1"), ("2024-01-01T00:00:00.000001Z", "2")],
            "2",
            id="equal to the microsecond",
        ),
        pytest.param(
            [("2024-01-01T00:00:00.10Z", "1"), ("2024-01-01T00:00:00.099Z", "2")],
            "1",
            id="compared as times, not as text",
        ),
        pytest.param([("2024-01-01T00:00:00Z", "1"), (None, "")], None, id="tombstone"),
        pytest.param(
            [("2024-01-02T00:00:00Z", "1"), (None, ""), ("2024-01-01T00:00:00Z", "2")],
            "2",
            id="afresh after a tombstone",
        ),
        pytest.param([(None, "")], None, id="a tombstone of nothing"),
    ],
)
def test_the_newest_is_left(messages: list[tuple[str | None, str]], left: str | None) -> None:
    assert fold(*(Sent(*m) for m in messages)) == left


def test_avtaler_do_not_touch_one_another() -> None:
    records = [
        Record(b"a", b'{"sistEndret": "2024-01-01T00:00:00Z"}'),
        Record(b"b", b'{"sistEndret": "2023-01-01T00:00:00Z"}'),
        Record(b"a", None),
    ]
    assert list(siste_tilstand(records)) == ["b"]
