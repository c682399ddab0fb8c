"""The mirror, set up by the commands on an empty database and read as by Datastream."""

from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest

from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.domain.avtale import COLUMNS
from datadeling.domain.felt import FELTER
from datadeling.pipeline.message import Message
from tests.acceptance.conftest import CLIENT_ID, Run, Setting
from tests.acceptance.lookups import CALLS, look_up, recorded
from tests.acceptance.operating import Operator, Stored
from tests.acceptance.processes import number
from tests.acceptance.replaying import EVENTS, create_log
from tests.datastream import ROLE, Copy, Datastream, Sent, as_role
from tests.pgoutput import Delete, Insert, Update

_PLACE = ("generation", "kafka_partition", "kafka_offset", "hendelse_tidspunkt", "mottatt_tidspunkt")
_SHORTEST = 8  # characters; a shorter text may stand in another value by chance


@pytest.fixture
def db_url(server: EmbeddedPostgres) -> str:
    """Create an empty database on a server that has the role of Datastream."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {ROLE} LOGIN")
    return server.create_database("mirrored")


@pytest.fixture
def migrated(operator: Operator) -> str:
    """Run `datadeling migrate` and return its output."""
    return operator.run("migrate")


@pytest.fixture
def connection(db_url: str, migrated: str) -> Iterator[psycopg.Connection]:  # noqa: ARG001
    with psycopg.connect(db_url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture
def target(server: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """Connect to the database of the copy."""
    url = server.create_database("target")
    with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
        yield connection


@pytest.fixture
def datastream(connection: psycopg.Connection, db_url: str) -> Datastream:  # noqa: ARG001
    return Datastream(db_url)


def content(connection: psycopg.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {', '.join(COLUMNS)} FROM avtale ORDER BY avtale_id").fetchall()


def kinds(sent: Sent) -> set[type]:
    return {type(change) for change in sent.changes}


def test_the_mirror_has_the_shared_fields_of_all_avtaler_and_nothing_else(
    migrated: str,
    stored: Stored,
    operator: Operator,
    connection: psycopg.Connection,
    target: psycopg.Connection,
    datastream: Datastream,
) -> None:
    assert "0001_avtale" in migrated
    log = create_log()
    cut = EVENTS - 20  # then the tombstones and the messages that cannot be read
    copy = Copy(target)

    stored(log[:cut])
    copy.apply(first := datastream.read())
    assert {Insert} <= kinds(first) <= {Insert, Update}
    assert content(target) == content(connection)
    stored(log[cut:])
    copy.apply(last := datastream.read())
    assert kinds(last) == {Delete}
    assert len(last.changes) == number(connection, "SELECT count(*) FROM avtale_slettet")

    assert content(target) == content(connection)
    assert len(content(target)) > 300
    assert number(connection, "SELECT count(*) FROM failed_message") == 10
    assert number(connection, "SELECT count(*) FROM avtale_historikk") > 300
    for sent in (first, last):
        assert {one.name for one in sent.relations} == {"avtale"}
        for relation in sent.relations:
            assert {column.name for column in relation.columns} == {*(f.column for f in FELTER), *_PLACE}
    assert [word for word in private(log) if word.encode() in first.stream + last.stream] == []

    done = operator.json("replay", "--from-beginning")
    assert done["state"] == "done"
    assert sum(one["events"] for one in done["partitions"]) == EVENTS
    assert datastream.read().stream == b""


def private(log: list[Message]) -> set[str]:
    """Return every text in the messages that is in no shared field of any message."""
    shared: set[str] = set()
    others: set[str] = set()
    names = {felt.json for felt in FELTER} | {"avtaleInngått", "sistEndret", "godkjentPaVegneAv"}
    for message in log:
        if message.value is None or message.value == b"{":
            continue
        for name, value in msgspec.json.decode(message.value).items():
            (shared if name in names else others).update(_texts(value))
    shared_text = "\n".join(shared)
    found = {text for text in others if len(text) >= _SHORTEST and text not in shared_text}
    assert len(found) > 1_000
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def test_lookups_leave_nothing_in_the_mirror(
    run: Run,
    api: Setting,
    issuer: Any,
    stored: Stored,
    connection: psycopg.Connection,
    datastream: Datastream,
) -> None:
    stored(create_log()[:100])
    run(api.env, "serve").answers(f"{api.url}/internal/health/readiness")
    assert datastream.read().changes != []
    token = issuer.token(CLIENT_ID)
    for number_, what in enumerate(CALLS):
        assert look_up(api, token, what, f"call-{number_}").status in {200, 404}
    assert len(recorded(connection)) == len(CALLS)
    assert datastream.read().stream == b""


def test_the_mirror_is_removed_and_set_up_again(operator: Operator, migrated: str) -> None:
    assert migrated
    assert operator.run("migrate", "--remove-mirror").splitlines() == [
        "removed  slot ds_replication",
        "removed  publication ds_publication",
        "removed  rights of datastream",
        "removed  replication of datastream",
    ]
    assert operator.run("migrate", "--remove-mirror") == ""
    assert operator.run("migrate") == ""
    assert operator.run("migrate", "--remove-mirror").startswith("removed  slot")
    assert "give one of" in operator.run("migrate", "--status", "--remove-mirror", code=2)


def test_statements_for_the_administrator_are_printed(
    run: Run, server: EmbeddedPostgres, db_url: str
) -> None:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("CREATE ROLE app LOGIN")
        admin.execute("ALTER DATABASE mirrored OWNER TO app")
    command = run({"DB_URL": as_role(db_url, "app")}, "migrate")
    assert command.process.wait(60) == 0
    assert 'ALTER ROLE \\"app\\" REPLICATION' in command.output
    assert 'ALTER ROLE \\"datastream\\" REPLICATION' in command.output
