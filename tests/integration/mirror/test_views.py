"""The views, put into PostgreSQL's words, over rows as Datastream mirrors them, against a plain telling."""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
import sqlglot
from psycopg.rows import dict_row

from datadeling.domain.avtale import COLUMNS
from datadeling.domain.felt import FELTER
from datadeling.mirror.views import VIEWS, unaccounted
from tests.integration.api.rows import insert, row

_TODAY = datetime.now().date()  # noqa: DTZ005 (days are enough: nothing begins or ends near it)
_AGREED = datetime.fromisoformat("2025-12-01T12:00+01:00")
_KINDS = ("MENTOR", "VTAO", "SOMMERJOBB")
# As Datastream does: ids as text, and a column of its own.
_MIRROR = """
    CREATE SCHEMA mirror;
    CREATE TABLE mirror.public_avtale AS SELECT * FROM avtale;
    ALTER TABLE mirror.public_avtale ALTER avtale_id TYPE text;
    ALTER TABLE mirror.public_avtale ADD datastream_metadata jsonb;
"""


@pytest.fixture
def rows(connection: psycopg.Connection) -> list[dict[str, Any]]:
    """Avtaler of few persons in few months, so that some groups are small."""
    random = Random(7)
    rows = []
    for number in range(1, 401):
        start = date(2026, 1, 1) + timedelta(days=random.randrange(120))
        rows.append(
            row(
                number,
                deltaker_fnr=random.choice([None, *(f"1587751{person:04}" for person in range(40))]),
                tiltakstype=random.choices(_KINDS, (20, 5, 1))[0],
                avtale_status=random.choice(["GJENNOMFØRES", "AVSLUTTET", "ANNULLERT", "AVBRUTT"]),
                avtale_inngaatt=random.choice(
                    [None, *[datetime.fromisoformat("2025-12-01T12:00+01:00")] * 3]
                ),
                start_dato=random.choice([None, *[start] * 9]),
                slutt_dato=random.choice(
                    [None, start - timedelta(days=9), *[start + timedelta(days=50)] * 8]
                ),
                feilregistrert=random.random() < 0.1,
            )
        )
    insert(connection, rows)
    connection.execute(_MIRROR)
    for view in VIEWS:
        query = sqlglot.parse_one(view.sql(), dialect="bigquery").expression.sql("postgres")
        # PostgreSQL is to be told that the months are those of the row.
        query = query.replace("CROSS JOIN (", "CROSS JOIN LATERAL (")
        connection.execute(f"CREATE VIEW mirror.{view.name} AS {query}")
    return rows


def told(connection: psycopg.Connection, view: str) -> list[dict[str, Any]]:
    cursor = connection.cursor(row_factory=dict_row)
    return cursor.execute(f"SELECT * FROM mirror.{view}").fetchall()


def test_avtaler_are_those_that_may_be_shown(
    connection: psycopg.Connection, rows: list[dict[str, Any]]
) -> None:
    shown = {each["avtale_nr"]: each for each in rows if not each["feilregistrert"]}
    for view in VIEWS[:2]:
        found = told(connection, view.name)
        assert {each["avtale_nr"] for each in found} == shown.keys()
        names = [column.name for column in view.columns]
        for each in found:
            wanted = {**shown[each["avtale_nr"]], "avtale_id": str(shown[each["avtale_nr"]]["avtale_id"])}
            assert each == {name: wanted[name] for name in names}


def test_months_are_counted_and_small_groups_are_not_told(
    connection: psycopg.Connection, rows: list[dict[str, Any]]
) -> None:
    persons: defaultdict[tuple[date, str], set[str]] = defaultdict(set)
    avtaler: Counter[tuple[date, str]] = Counter()
    for each in rows:
        if each["feilregistrert"] or each["avtale_inngaatt"] is None or each["start_dato"] is None:
            continue
        if each["avtale_status"] in {"ANNULLERT", "AVBRUTT"}:
            continue
        end = min(each["slutt_dato"] or _TODAY, _TODAY)
        days = {each["start_dato"] + timedelta(days=n) for n in range((end - each["start_dato"]).days + 1)}
        for month in {day.replace(day=1) for day in days}:
            avtaler[month, each["tiltakstype"]] += 1
            if each["deltaker_fnr"] is not None:
                persons[month, each["tiltakstype"]].add(each["deltaker_fnr"])
    wanted = {key: (len(persons[key]), avtaler[key]) for key in avtaler if len(persons[key]) >= 5}
    found = {
        (each["maaned"], each["tiltakstype"]): (each["antall_personer"], each["antall_avtaler"])
        for each in told(connection, "tiltak_per_maaned")
    }
    assert 0 < len(wanted) < len(avtaler)
    assert found == wanted


def test_every_column_of_the_table_is_in_a_view_or_left_out(connection: psycopg.Connection) -> None:
    columns = [
        name
        for (name,) in connection.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = 'avtale' ORDER BY ordinal_position"
        )
    ]
    assert set(columns) == set(COLUMNS)
    assert unaccounted(columns) == []
    assert {felt.column for felt in FELTER} < set(columns)
