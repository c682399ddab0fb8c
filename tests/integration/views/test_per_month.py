"""The view `tiltak_per_maaned`: persons on a tiltak in each month that has ended, without small groups."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from datadeling.db.queries import queries
from datadeling.mirror.views import VIEWS
from datadeling.pipeline.store import Store
from tests.hendelser import melding
from tests.integration.storing import clear, write
from tests.integration.views.mirrored import Row, mirror, read

_VIEW = VIEWS[2]
_TODAY = date(2026, 4, 15)
Groups = set[tuple[date, str, int]]


def _fnr(number: int) -> str:
    """Return a synthetic number: 80 has been added to the month."""
    return f"158775{number:05}"


def _groups(rows: list[Row]) -> Groups:
    return {(row["maaned"], row["tiltakstype"], row["antall_deltakere"]) for row in rows}


def _read(connection: psycopg.Connection, today: date = _TODAY) -> Groups:
    mirror(connection)
    return _groups(read(connection, _VIEW, today))


def _group(persons: int, **fields: Any) -> Iterator[dict[str, Any]]:
    defaults = {"startDato": "2026-02-10", "sluttDato": "2026-03-05"}
    return ({**defaults, "deltakerFnr": _fnr(person), **fields} for person in range(persons))


def _fill(store: Store, *avtaler: dict[str, Any]) -> None:
    write(store, *(melding(n, offset=n, **fields) for n, fields in enumerate(avtaler, 1)))


_FEBRUARY, _MARCH, _APRIL = date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)


def test_a_group_of_five_is_shown_and_one_of_four_is_not(
    store: Store, connection: psycopg.Connection
) -> None:
    _fill(store, *_group(4, tiltakstype="MENTOR"), *_group(5, tiltakstype="VTAO"))
    assert _read(connection) == {(_FEBRUARY, "VTAO", 5), (_MARCH, "VTAO", 5)}


def test_a_person_with_two_avtaler_counts_once(store: Store, connection: psycopg.Connection) -> None:
    _fill(store, *_group(4), *_group(4), *_group(4, deltakerFnr=None))
    assert _read(connection) == set()
    _fill(store, *_group(4), *_group(5))
    assert _read(connection) == {(_FEBRUARY, "ARBEIDSTRENING", 5), (_MARCH, "ARBEIDSTRENING", 5)}


@pytest.mark.parametrize(
    ("fields", "months"),
    [
        pytest.param({}, {_FEBRUARY, _MARCH}, id="one day is enough"),
        pytest.param({"startDato": "2026-02-28", "sluttDato": "2026-02-28"}, {_FEBRUARY}, id="the last day"),
        pytest.param({"startDato": "2026-03-01", "sluttDato": "2026-03-31"}, {_MARCH}, id="a whole month"),
        pytest.param({"sluttDato": None}, {_FEBRUARY, _MARCH}, id="open, so far"),
        pytest.param(
            {"startDato": "2026-03-31", "sluttDato": "2026-12-31"}, {_MARCH}, id="this month is not over"
        ),
        pytest.param({"startDato": "2026-04-01"}, set(), id="began this month"),
        pytest.param({"startDato": "2027-01-01", "sluttDato": None}, set(), id="to come"),
        pytest.param(
            {"startDato": "2026-03-20", "sluttDato": "2026-03-10"}, set(), id="ends before it begins"
        ),
        pytest.param({"startDato": None}, set(), id="no first day"),
        pytest.param({"avtaleInngått": None}, set(), id="not agreed"),
        pytest.param({"avtaleStatus": "ANNULLERT"}, set(), id="cancelled"),
        pytest.param({"avtaleStatus": "AVBRUTT"}, set(), id="given up"),
        pytest.param({"avtaleStatus": "AVSLUTTET"}, {_FEBRUARY, _MARCH}, id="over"),
        pytest.param({"feilregistrert": True}, set(), id="registered by mistake"),
    ],
)
def test_an_avtale_counts_in_months_with_a_day_of_it(
    fields: dict[str, Any], months: set[date], store: Store, connection: psycopg.Connection
) -> None:
    _fill(store, *_group(6, **fields))
    assert _read(connection) == {(month, "ARBEIDSTRENING", 6) for month in months}


@pytest.mark.parametrize(
    ("today", "months"),
    [
        pytest.param(date(2026, 3, 31), {_FEBRUARY}, id="the last day of it"),
        pytest.param(date(2026, 4, 1), {_FEBRUARY, _MARCH}, id="the day after"),
        pytest.param(date(2026, 1, 1), set(), id="before"),
    ],
)
def test_a_month_is_shown_once_it_has_ended(
    today: date, months: set[date], store: Store, connection: psycopg.Connection
) -> None:
    _fill(store, *_group(5, sluttDato=None))
    assert {month for month, _, _ in _read(connection, today)} == months


def test_without_a_given_day_the_present_one_is_used(store: Store, connection: psycopg.Connection) -> None:
    _fill(store, *_group(5, startDato="2020-01-15", sluttDato="2020-02-01"))
    mirror(connection)
    groups = _groups(read(connection, _VIEW))
    assert groups == {(date(2020, month, 1), "ARBEIDSTRENING", 5) for month in (1, 2)}


def test_the_view_has_no_other_columns() -> None:
    """Totals or a second figure could reveal a small group by subtraction."""
    assert [column.name for column in _VIEW.columns] == ["maaned", "tiltakstype", "antall_deltakere"]


_days = st.none() | st.integers(0, 160).map(lambda days: (date(2025, 12, 1) + timedelta(days)).isoformat())
_avtaler = st.lists(
    st.fixed_dictionaries(
        {
            "deltakerFnr": st.none() | st.integers(0, 8).map(_fnr),
            "tiltakstype": st.sampled_from(["MENTOR", "VTAO"]),
            "avtaleStatus": st.sampled_from(["GJENNOMFØRES", "AVSLUTTET", "ANNULLERT"]),
            "startDato": _days,
            "sluttDato": _days,
            "feilregistrert": st.sampled_from([False, False, True]),
            "avtaleInngått": st.sampled_from(["2025-11-01T12:00", "2025-11-01T12:00", None]),
        }
    ),
    max_size=40,
)


def _expected(avtaler: list[dict[str, Any]]) -> Groups:
    """Count the participants of each month that has ended, day by day."""
    persons: dict[tuple[date, str], set[str]] = defaultdict(set)
    for each in avtaler:
        counts = each["avtaleInngått"] and each["avtaleStatus"] != "ANNULLERT" and each["startDato"]
        if not counts or each["feilregistrert"] or not each["deltakerFnr"]:
            continue
        last = date.fromisoformat(each["sluttDato"]) if each["sluttDato"] else _TODAY
        for days in count():
            day = date.fromisoformat(each["startDato"]) + timedelta(days)
            if day > last or day >= _APRIL:
                break
            persons[day.replace(day=1), each["tiltakstype"]].add(each["deltakerFnr"])
    return {(*key, len(those)) for key, those in persons.items() if len(those) >= 5}


def _count_by_the_statements_of_the_api(connection: psycopg.Connection) -> Groups:
    """Count who is on a tiltak on some day of the month, by parts of the API's own statements."""
    statement = sql.SQL("""
        SELECT date_trunc('month', dag)::date, tiltakstype, count(DISTINCT deltaker_fnr)
        FROM avtale, generate_series('2025-12-01', '2026-03-31', interval '1 day') AS dag
        WHERE {is_tiltak} AND {is_shown} AND dag BETWEEN start_dato AND coalesce(slutt_dato, 'infinity')
        GROUP BY 1, 2
        HAVING count(DISTINCT deltaker_fnr) >= 5
    """).format(is_tiltak=queries["is_tiltak"], is_shown=queries["is_shown"])
    return set(connection.execute(statement).fetchall())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(avtaler=_avtaler)
def test_counts_of_random_avtaler_match_the_oracle_and_the_api(
    avtaler: list[dict[str, Any]], store: Store, connection: psycopg.Connection
) -> None:
    clear(connection)
    _fill(store, *avtaler)
    assert _read(connection) == _expected(avtaler) == _count_by_the_statements_of_the_api(connection)
