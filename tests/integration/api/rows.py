"""Rows of the table `avtale`, with what a test does not care about filled in."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from datadeling.domain.avtale import COLUMNS

FNR = "15877512360"  # synthetic, as are the others: 80 has been added to the month
OTHER_FNR = "15877512441"
_TIME = datetime(2026, 1, 2, 3, 4, 5, 678_901, UTC)

Row = dict[str, Any]


def avtale_id(number: int) -> str:
    return str(UUID(int=number))


def row(number: int, **columns: Any) -> Row:
    """An avtale that counts, from 1 January 2026 and open, with these columns changed."""
    return {
        **dict.fromkeys(COLUMNS),
        "avtale_id": avtale_id(number),
        "avtale_nr": number,
        "deltaker_fnr": FNR,
        "bedrift_nr": "999999999",
        "tiltakstype": "VTAO",
        "avtale_status": "GJENNOMFØRES",
        "versjon": 1,
        "start_dato": date(2026, 1, 1),
        "stillingprosent": Decimal("62.5"),
        "antall_dager_per_uke": Decimal(3),
        "avtale_inngaatt": _TIME,
        "godkjent_paa_vegne_av": False,
        "godkjent_paa_vegne_av_arbeidsgiver": False,
        "feilregistrert": False,
        "opprettet_tidspunkt": _TIME,
        "endret_tidspunkt": _TIME,
        "generation": 0,
        "kafka_partition": 0,
        "kafka_offset": number,
        "hendelse_tidspunkt": _TIME,
        "mottatt_tidspunkt": _TIME,
        **columns,
    }


def insert(connection: psycopg.Connection, rows: Iterable[Row]) -> None:
    """Put rows into the table."""
    statement = sql.SQL("INSERT INTO avtale ({}) VALUES ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        sql.SQL(", ").join(map(sql.Placeholder, COLUMNS)),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, list(rows))
