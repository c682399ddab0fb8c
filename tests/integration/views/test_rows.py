"""The views of single avtaler: the rows of PostgreSQL, without those that are not shown."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from datadeling.domain.felt import FELTER
from datadeling.domain.hendelse import name_in_message
from datadeling.mirror.views import METADATA, VIEWS, View
from datadeling.pipeline.store import Store
from tests.hendelser import FNR, avtale_id, hendelse, melding, tombstone
from tests.integration.storing import write
from tests.integration.views.mirrored import mirror, read

_AVTALE, _UTEN, _ = VIEWS
ROWS = pytest.mark.parametrize("view", [pytest.param(view, id=view.name) for view in (_AVTALE, _UTEN)])
_NULLABLE = {felt.column for felt in FELTER if felt.nullable}
_NAV_IDENTS = ("A111111", "B222222", "C333333")
_EVERYTHING: dict[str, Any] = {
    "veilederNavIdent": _NAV_IDENTS[0],
    "godkjentAvNavIdent": _NAV_IDENTS[1],
    "godkjentAvBeslutterNavIdent": _NAV_IDENTS[2],
    "godkjentAvDeltaker": "2022-01-19T10:00:00.123456789",
    "godkjentAvArbeidsgiver": "2022-01-19T11:00",
    "godkjentAvVeileder": "2022-01-19T12:00:01",
    "godkjentAvBeslutter": "2022-01-19T13:00:00.5",
    "annullertTidspunkt": "2022-05-01T08:00:00.000001Z",
    "stillingprosent": 33.3333,
    "antallDagerPerUke": 2.5,
    "stillingstype": "FAST",
    "opphav": "ARENA",
    "godkjentPaVegneAv": True,
}


@ROWS
def test_a_view_has_the_values_of_postgresql(
    view: View, store: Store, connection: psycopg.Connection
) -> None:
    write(
        store,
        melding(1, offset=0, **_EVERYTHING),
        melding(2, offset=1, avtaleNr=None, deltakerFnr=None, startDato=None, sluttDato=None),
        melding(3, offset=2, tiltakstype="MENTOR", avtaleStatus="GJENNOMFØRES", stillingprosent=100),
    )
    names = [column.name for column in view.columns]
    held = {
        row[0]: dict(zip(names, row, strict=True))
        for row in connection.execute(f"SELECT avtale_id::text, {', '.join(names[1:])} FROM avtale")
    }
    mirror(connection)
    rows = read(connection, view)
    assert {row["avtale_id"]: row for row in rows} == held
    first = held[avtale_id(1)]
    assert first["stillingprosent"] == Decimal("33.3333")
    assert first["godkjent_av_deltaker"] == datetime(2022, 1, 19, 9, 0, 0, 123456, tzinfo=UTC)
    sent = hendelse(1, **_EVERYTHING)
    assert {name for name in names if first[name] is None} == {
        name for name in names if name in _NULLABLE and name_in_message(name) not in sent
    }


@ROWS
def test_feilregistrert_slettemerket_and_deleted_avtaler_are_not_shown(
    view: View, store: Store, connection: psycopg.Connection
) -> None:
    write(
        store,
        melding(1, offset=0, feilregistrert=True),
        melding(2, offset=1, slettemerket=True),
        melding(3, offset=2),
        melding(4, offset=3),
        tombstone(4, offset=4),
        melding(5, offset=5, avtaleStatus="ANNULLERT"),
    )
    mirror(connection)
    rows = read(connection, view)
    assert sorted(row["avtale_id"] for row in rows) == [avtale_id(3), avtale_id(5)]
    assert not any(row["feilregistrert"] for row in rows)


def test_the_view_without_idents_has_no_identity_number_or_nav_ident(
    store: Store, connection: psycopg.Connection
) -> None:
    write(store, melding(1, offset=0, **_EVERYTHING))
    mirror(connection)
    (personal,) = read(connection, _AVTALE)
    (row,) = read(connection, _UTEN)
    hidden = {felt.column for felt in FELTER if felt.is_ident}
    assert row == {name: value for name, value in personal.items() if name not in hidden}
    text = json.dumps(row, default=str)
    assert not [ident for ident in (FNR, *_NAV_IDENTS) if ident in text]
    assert all(ident in json.dumps(personal, default=str) for ident in (FNR, *_NAV_IDENTS))
    assert not re.search(r"\b\d{11}\b|\b[A-Z]\d{6}\b", text)


@ROWS
def test_internal_columns_and_those_of_datastream_are_not_shown(
    view: View, store: Store, connection: psycopg.Connection
) -> None:
    write(store, melding(1, offset=0))
    mirror(connection)
    (row,) = read(connection, view)
    assert METADATA not in row
    assert not row.keys() & {"generation", "kafka_partition", "kafka_offset", "hendelse_tidspunkt"}
