"""The stream has the avtaler as they are, change by change, and nothing else."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from string import ascii_letters
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datadeling.db.database import Database
from datadeling.db.migrate import migrate
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.domain.avtale import COLUMNS
from datadeling.pipeline.store import Store
from tests.datastream import PUBLICATION, Copy, Datastream
from tests.hendelser import EPOCH, avtale_id, encoded, hendelse, melding, record, tombstone
from tests.integration.audit.records import write_record
from tests.integration.mirror.platform import Platform
from tests.integration.storing import PARK_LIMIT, TOPIC, write
from tests.pgoutput import Delete, Insert, Unchanged, Update


@pytest.fixture
def source(admin: psycopg.Connection, platform: Platform) -> psycopg.Connection:
    """Set up a mirrored database and return its URL."""
    platform.add_datastream()
    migrate(platform.url)
    return admin


@pytest.fixture
def datastream(source: psycopg.Connection, platform: Platform) -> Datastream:  # noqa: ARG001
    """Reads its slot."""
    return Datastream(platform.url)


@pytest.fixture
def target(server: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """Another database."""
    with psycopg.connect(server.create_database("target"), autocommit=True) as connection:
        yield connection


@pytest.fixture
def store(source: psycopg.Connection, platform: Platform) -> Iterator[Store]:  # noqa: ARG001
    """Writes as the consumer does."""
    database = Database(platform.url, "test")
    yield Store(database, TOPIC, PARK_LIMIT)
    database.close()


def content(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {', '.join(COLUMNS)} FROM avtale ORDER BY avtale_id").fetchall()


def test_inserts_updates_and_deletes(
    store: Store, datastream: Datastream, source: psycopg.Connection, target: psycopg.Connection
) -> None:
    copy = Copy(target)
    write(
        store, melding(1), melding(2, offset=1, stillingprosent=33.3333), melding(3, offset=2, sluttDato=None)
    )
    copy.apply(sent := datastream.read())
    assert [type(change) for change in sent.changes] == [Insert] * 3
    assert content(target) == content(source) != []

    edited: dict[str, Any] = {"sistEndret": "2022-02-05T08:46:39.573884Z", "avtaleStatus": "AVSLUTTET"}
    write(store, melding(2, offset=3, **edited), tombstone(1, offset=4), melding(4, offset=5))
    copy.apply(sent := datastream.read())
    assert sorted(type(change).__name__ for change in sent.changes) == ["Delete", "Insert", "Update"]
    assert content(target) == content(source)
    assert len(content(target)) == 3


def test_only_the_id_of_a_deleted_avtale_is_sent(store: Store, datastream: Datastream) -> None:
    write(store, melding(1))
    datastream.read()
    write(store, tombstone(1, offset=1))
    (change,) = datastream.read().changes
    assert isinstance(change, Delete)
    assert [value for value in change.old if value is not None] == [avtale_id(1)]


def test_unchanged_messages_send_nothing(store: Store, datastream: Datastream) -> None:
    write(store, melding(1), melding(2, offset=1))
    assert len(datastream.read().changes) == 2
    write(store, melding(1), melding(2, offset=1))  # the same messages again
    write(store, melding(1, offset=2, sistEndret="2022-01-19T00:00:00Z"))  # an older version
    assert datastream.read().stream == b""


SECRET = "Kan-ikke-deles"
_STRANGE = '"Kåre" \\ \' \t\r\n\u2028 {} %s \U0001f469'


def test_only_shared_fields_are_sent(
    store: Store, datastream: Datastream, source: psycopg.Connection
) -> None:
    """No field that we do not keep, no failed message, no history, no marker, no record of a lookup."""
    private: dict[str, Any] = {
        "deltakerFornavn": SECRET,
        "deltakerEtternavn": SECRET,
        "arbeidsgiverKontonummer": SECRET,
    }
    write(store, melding(1, **private))
    datastream.read()
    later: dict[str, Any] = {"sistEndret": "2022-02-05T08:46:39Z", "bedriftNr": "111111111"}
    write(store, melding(1, offset=1, **later, **private))  # the first version is history now
    write(store, record(2, avtale_id(7).encode(), encoded(hendelse(7, **private))[:-5]))  # unreadable
    write(store, record(3, avtale_id(8).encode(), SECRET.encode()))
    write_record(source, tidspunkt=datetime.now(UTC), consumer_name=SECRET, personer=["15877512360"])
    source.execute(
        "INSERT INTO operator_log (who, command, target, reason) VALUES (%s, 'x', 'x', %s)", (SECRET, SECRET)
    )
    others = ("avtale_historikk", "failed_message", "lookup_log", "operator_log", "consumer_offset")
    for table in others:
        assert source.execute(f"SELECT count(*) > 0 FROM {table}").fetchone() == (True,), table

    sent = datastream.read()
    assert {(one.schema, one.name) for one in sent.relations} == {("public", "avtale")}
    columns = [column.name for column in sent.relations[0].columns]
    assert set(columns) == set(COLUMNS)
    (change,) = sent.changes
    assert isinstance(change, Update)
    assert change.new[columns.index("bedrift_nr")] == "111111111"
    for kept_back in (SECRET, "999999999", "15877512360", avtale_id(7), avtale_id(8)):
        assert kept_back.encode() not in sent.stream


def test_a_change_sends_the_whole_row(
    store: Store, datastream: Datastream, source: psycopg.Connection, target: psycopg.Connection
) -> None:
    """Also unchanged long values, which PostgreSQL leaves out of an UPDATE that does not set them."""
    copy = Copy(target)
    noise = "".join(Random(7).choices(ascii_letters, k=1_000))  # long, and cannot be compressed: stored apart
    wide: dict[str, Any] = dict.fromkeys(("opphav", "stillingstype", "tiltakstype"), noise)
    write(store, melding(1, **wide))
    write(store, melding(1, offset=1, sistEndret="2022-02-05T08:46:39Z", **wide))
    source.execute("UPDATE avtale SET versjon = 7")
    sent = datastream.read()
    copy.apply(sent)
    _, ours, by_hand = sent.changes
    assert isinstance(ours, Update)
    assert isinstance(by_hand, Update)
    assert Unchanged.UNCHANGED not in ours.new
    assert Unchanged.UNCHANGED in by_hand.new
    assert content(target) == content(source)


def test_a_reader_misses_no_change_when_the_publication_is_replaced(
    store: Store,
    datastream: Datastream,
    source: psycopg.Connection,
    target: psycopg.Connection,
    platform: Platform,
) -> None:
    write(store, melding(1))
    source.execute(f"ALTER PUBLICATION {PUBLICATION} ADD TABLE avtale_slettet")
    write(store, melding(2, offset=1))
    migrate(platform.url)
    write(store, melding(3, offset=2), tombstone(1, offset=3))
    sent = datastream.read()
    Copy(target).apply(sent)
    assert content(target) == content(source)
    assert {one.name for one in sent.relations} == {"avtale"}


def test_a_truncated_table_is_truncated_in_the_copy(
    store: Store, datastream: Datastream, source: psycopg.Connection, target: psycopg.Connection
) -> None:
    copy = Copy(target)
    write(store, melding(1), melding(2, offset=1))
    source.execute("TRUNCATE avtale")
    copy.apply(datastream.read())
    assert content(target) == []


_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30) | st.just(_STRANGE)
_TIME = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
_NUMBER = st.decimals(Decimal("-99999.9999"), Decimal("99999.9999"), places=4)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bedrift_nr": st.none() | _TEXT,
    "opphav": st.none() | _TEXT,
    "tiltakstype": _TEXT,
    "avtale_nr": st.none() | st.integers(-(2**31), 2**31 - 1),
    "kafka_offset": st.integers(0, 2**63 - 1),
    "stillingprosent": st.none() | _NUMBER,
    "antall_dager_per_uke": st.none() | _NUMBER,
    "slutt_dato": st.none() | st.dates(date(1, 1, 1)),
    "avtale_inngaatt": st.none() | _TIME,
    "mottatt_tidspunkt": _TIME,
    "feilregistrert": st.booleans(),
}
_REST = {
    "avtale_status": "PÅBEGYNT", "versjon": 1, "kafka_partition": 0, "generation": 0,
    "godkjent_paa_vegne_av": False, "godkjent_paa_vegne_av_arbeidsgiver": False,
    "opprettet_tidspunkt": EPOCH, "endret_tidspunkt": EPOCH, "hendelse_tidspunkt": EPOCH,
}  # fmt: skip


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    transactions=st.lists(
        st.lists(st.tuples(st.integers(1, 4), st.none() | st.fixed_dictionaries(_VALUES)), min_size=1),
        min_size=1,
    )
)
def test_any_changes_arrive_in_the_copy(
    transactions: list[list[tuple[int, dict[str, Any] | None]]],
    datastream: Datastream,
    source: psycopg.Connection,
    target: psycopg.Connection,
) -> None:
    """Each of them puts a row in, changes it, or deletes it; in a transaction with others."""
    source.execute("DELETE FROM avtale")
    datastream.read()
    target.execute("DROP TABLE IF EXISTS avtale")
    for transaction in transactions:
        with source.transaction():
            for number, values in transaction:
                change(source, number, values)
    sent = datastream.read()
    Copy(target).apply(sent)
    if sent.relations:
        with source.transaction(), target.transaction():
            for connection in (source, target):
                connection.execute("SET LOCAL timezone = 'UTC'")
            assert content(target) == content(source)
    else:
        assert content(source) == []


def change(source: psycopg.Connection, number: int, values: dict[str, Any] | None) -> None:
    if values is None:
        source.execute("DELETE FROM avtale WHERE avtale_id = %s", (avtale_id(number),))
        return
    row = {"avtale_id": avtale_id(number), **_REST, **values}
    names = ", ".join(row)
    source.execute(
        f"INSERT INTO avtale ({names}) VALUES ({', '.join(['%s'] * len(row))})"
        f" ON CONFLICT (avtale_id) DO UPDATE SET ({names}) = ({', '.join(f'excluded.{n}' for n in row)})",
        tuple(row.values()),
    )
