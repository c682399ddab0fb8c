"""The rules of `tiltaksstatus`, one by one, and all together against a plain version of them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import psycopg
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from datadeling.api.v1.avtale import TILTAK
from datadeling.api.v1.tiltaksstatus import Tiltaksstatus
from datadeling.db.lookups import Lookups
from tests.integration.api.lookups import status
from tests.integration.api.rows import FNR, OTHER_FNR, Row, avtale_id, insert, row

_DAY = date(2026, 3, 1)
_LISTS = ("naavaerende", "kommende", "tidligere")


def _day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("columns", "where", "duration"),
    [
        pytest.param({"start_dato": _DAY, "slutt_dato": _DAY}, "naavaerende", 1, id="that day only"),
        pytest.param({"slutt_dato": _day("2026-03-02")}, "naavaerende", 61, id="in the middle"),
        pytest.param({"slutt_dato": _DAY}, "naavaerende", 60, id="the last day"),
        pytest.param({"start_dato": _DAY}, "naavaerende", 1, id="open, the first day"),
        pytest.param({}, "naavaerende", 60, id="open"),
        pytest.param({"start_dato": _day("2026-03-02")}, "kommende", None, id="open, from tomorrow"),
        pytest.param(
            {"start_dato": _day("2026-03-02"), "slutt_dato": _day("2026-03-02")}, "kommende", 1, id="tomorrow"
        ),
        pytest.param({"slutt_dato": _day("2026-02-28")}, "tidligere", 59, id="until yesterday"),
        pytest.param({"slutt_dato": _day("2025-12-31")}, "tidligere", 0, id="over before it began"),
        pytest.param({"slutt_dato": _day("2020-01-01")}, "tidligere", 0, id="over long before it began"),
        pytest.param(
            {"start_dato": _day("2026-04-01"), "slutt_dato": _day("2026-02-01")},
            "kommende",
            0,
            id="over before it begins",
        ),
        pytest.param({"avtale_status": "AVSLUTTET"}, "naavaerende", 60, id="the status says it is over"),
        pytest.param(
            {"avtale_status": "GJENNOMFØRES", "slutt_dato": _day("2026-02-28")},
            "tidligere",
            59,
            id="the status says it goes on",
        ),
        pytest.param({"avtale_status": "KLAR_FOR_OPPSTART"}, "naavaerende", 60, id="the status says soon"),
        pytest.param({"avtale_status": "NOE_NYTT"}, "naavaerende", 60, id="a status of tomorrow"),
        pytest.param({"tiltakstype": "NOE_NYTT"}, "naavaerende", 60, id="a tiltakstype of tomorrow"),
        pytest.param({"avtale_nr": None, "bedrift_nr": None}, "naavaerende", 60, id="without numbers"),
        pytest.param({"start_dato": None}, None, None, id="without a start"),
        pytest.param({"start_dato": None, "slutt_dato": _DAY}, None, None, id="an end, but no start"),
        pytest.param({"avtale_inngaatt": None}, None, None, id="never agreed"),
        pytest.param({"avtale_status": "ANNULLERT"}, None, None, id="cancelled"),
        pytest.param({"avtale_status": "AVBRUTT"}, None, None, id="broken off"),
        pytest.param({"feilregistrert": True}, None, None, id="registered by mistake"),
        pytest.param({"deltaker_fnr": OTHER_FNR}, None, None, id="somebody else's"),
        pytest.param({"deltaker_fnr": None}, None, None, id="nobody's"),
    ],
)
def test_an_avtale_is_current_coming_or_past_with_its_length(
    columns: Row,
    where: str | None,
    duration: int | None,
    client: FlaskClient,
    connection: psycopg.Connection,
) -> None:
    insert(connection, [row(1, **columns)])
    answer = _ask(client)
    assert {name: len(answer[name]) for name in _LISTS} == {name: int(name == where) for name in _LISTS}
    assert (answer["paaTiltak"], answer["antall"]) == (where == "naavaerende", int(where == "naavaerende"))
    if where:
        assert answer[where][0]["varighetDager"] == duration


def test_an_unknown_person_is_on_no_tiltak(client: FlaskClient) -> None:
    assert _ask(client) == {
        "paaTiltak": False,
        "antall": 0,
        "naavaerende": [],
        "kommende": [],
        "tidligere": [],
    }


def test_a_tiltak_has_all_its_properties(client: FlaskClient, connection: psycopg.Connection) -> None:
    insert(connection, [row(7, slutt_dato=_day("2026-06-30"), antall_dager_per_uke=Decimal("2.5000"))])
    (tiltak,) = _ask(client)["naavaerende"]
    assert tiltak == {
        "avtaleId": avtale_id(7),
        "avtaleNr": 7,
        "tiltakstype": "VTAO",
        "startDato": "2026-01-01",
        "sluttDato": "2026-06-30",
        "varighetDager": 181,
        "stillingprosent": 62.5,
        "antallDagerPerUke": 2.5,
        "bedriftNr": "999999999",
    }
    assert list(tiltak) == [felt.json for felt in TILTAK]
    assert ["historikkKomplettFra", *_ask(client)] == list(Tiltaksstatus().fields)


def test_each_list_is_in_order(client: FlaskClient, connection: psycopg.Connection) -> None:
    starts = {1: _day("2026-02-01"), 2: _day("2026-01-01"), 3: _day("2026-02-01"), 4: _day("2025-01-01")}
    insert(connection, [row(number, start_dato=start) for number, start in reversed(starts.items())])
    assert [tiltak["avtaleNr"] for tiltak in _ask(client)["naavaerende"]] == [4, 2, 1, 3]


def test_a_person_has_all_their_numbers(lookups: Lookups, connection: psycopg.Connection) -> None:
    insert(connection, [row(1), row(2, deltaker_fnr=OTHER_FNR)])
    assert msgspec.json.decode(status(lookups, [FNR, OTHER_FNR], _DAY))["antall"] == 2


_days = st.integers(-3, 3).map(lambda days: _DAY + timedelta(days=days))
_rows = st.fixed_dictionaries(
    {
        "deltaker_fnr": st.sampled_from([FNR, FNR, OTHER_FNR, None]),
        "avtale_status": st.sampled_from(
            ["GJENNOMFØRES", "AVSLUTTET", "KLAR_FOR_OPPSTART", "PÅBEGYNT", "ANNULLERT", "AVBRUTT"]
        ),
        "start_dato": st.none() | _days,
        "slutt_dato": st.none() | _days,
        "avtale_inngaatt": st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
        "feilregistrert": st.sampled_from([False, False, False, True]),
        "stillingprosent": st.none() | st.decimals(0, 100, places=4),
    }
)


def test_any_rows_on_any_day_are_as_the_rules_say(lookups: Lookups, connection: psycopg.Connection) -> None:
    @settings(max_examples=300)
    @given(st.lists(_rows, max_size=6), _days)
    def check(columns: list[Row], day: date) -> None:
        rows = [row(number, **each) for number, each in enumerate(columns)]
        connection.execute("DELETE FROM avtale")
        insert(connection, rows)
        answer = status(lookups, [FNR], day)
        assert msgspec.json.decode(answer) == _oracle(rows, day)

    check()


def _oracle(rows: list[Row], day: date) -> dict[str, Any]:
    """Return the answer by a plain version of the rules."""
    lists: dict[str, list[Row]] = {name: [] for name in _LISTS}
    for each in sorted(rows, key=lambda r: (r["start_dato"] or date.min, r["avtale_id"])):
        start, end = each["start_dato"], each["slutt_dato"]
        counts = (
            each["deltaker_fnr"] == FNR
            and each["avtale_inngaatt"]
            and each["avtale_status"] not in {"ANNULLERT", "AVBRUTT"}
            and not each["feilregistrert"]
            and start
        )
        if not counts:
            continue
        if start > day:
            lists["kommende"].append(_told(each, (end - start).days + 1 if end else None))
        elif end and end < day:
            lists["tidligere"].append(_told(each, (end - start).days + 1))
        else:
            lists["naavaerende"].append(_told(each, ((end or day) - start).days + 1))
    current = len(lists["naavaerende"])
    return {"paaTiltak": current > 0, "antall": current, **lists}


def _told(each: Row, duration: int | None) -> dict[str, Any]:
    percent = each["stillingprosent"]
    return {
        "avtaleId": each["avtale_id"],
        "avtaleNr": each["avtale_nr"],
        "tiltakstype": each["tiltakstype"],
        "startDato": str(each["start_dato"]),
        "sluttDato": str(each["slutt_dato"]) if each["slutt_dato"] else None,
        "varighetDager": None if duration is None else max(duration, 0),
        "stillingprosent": None if percent is None else float(percent),
        "antallDagerPerUke": 3,
        "bedriftNr": each["bedrift_nr"],
    }


def _ask(client: FlaskClient) -> dict[str, Any]:
    response = client.post("/api/v1/tiltaksstatus", json={"fnr": FNR, "dato": str(_DAY)})
    assert response.status_code == 200
    assert isinstance(response.json, dict)
    return response.json
