"""A database that is lost and restored from a backup: the consumer reads the rest again by itself."""

import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg import sql

from datadeling.db.migrate import migrate
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.process import free_port
from datadeling.domain.avtale import COLUMNS
from datadeling.pipeline.message import Message
from tests.acceptance.conftest import Run, Setting
from tests.acceptance.operating import Operator
from tests.acceptance.processes import handled, number
from tests.conftest import fresh_database
from tests.hendelser import avtale_id, melding
from tests.services import Postgres
from tests.strategies import to_message
from tests.torture.logs import make_logs
from tests.waiting import wait_until

Produce = Callable[[list[Message]], None]

_T = TypeVar("_T")

_VERSION = ", ".join(name for name in COLUMNS if name != "mottatt_tidspunkt")
_TABLES = (
    f"SELECT {_VERSION} FROM avtale ORDER BY avtale_id",
    f"""SELECT {_VERSION}, gyldig_fra, gyldig_til FROM avtale_historikk
        ORDER BY avtale_id, generation, kafka_offset""",
    "SELECT avtale_id, generation, kafka_partition, kafka_offset FROM avtale_slettet ORDER BY avtale_id",
    """SELECT generation, kafka_partition, kafka_offset, key, value, reason, state FROM failed_message
       ORDER BY 1, 2, 3""",
    """SELECT kafka_partition, generation, next_offset, unreadable_in_a_row, topic_id FROM consumer_offset
       ORDER BY 1""",
)


class Backups:
    """PostgreSQL's own programs, as the runbook calls them."""

    def __init__(self, directory: Path) -> None:
        self._programs = EmbeddedPostgres(directory).programs
        self._file = directory / "backup.dump"

    def dump(self, url: str) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self._file}", f"--dbname={url}")

    def restore(self, url: str) -> None:
        options = ("--exit-on-error", "--single-transaction", "--no-owner")
        self._run("pg_restore", *options, f"--dbname={url}", str(self._file))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._programs / program, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def backups(tmp_path: Path) -> Backups:
    return Backups(tmp_path)


@pytest.fixture
def fresh_url(postgres: Postgres) -> Iterator[str]:
    """The empty database that the backup is restored to."""
    with fresh_database(postgres, template="template0") as (_, url):
        yield url


def ask(url: str, question: Callable[[psycopg.Connection], _T]) -> _T:
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        return question(connection)


def handles(url: str, messages: int) -> None:
    wait_until(lambda: ask(url, handled) >= messages, f"{messages} are handled")


def tables(url: str) -> list[list[Any]]:
    """All that must be as if nothing had happened, in an order that does not depend on how it came about."""
    return ask(url, lambda connection: [connection.execute(each).fetchall() for each in _TABLES])


def put_in_place_of(lost: str, restored: str, by_way_of: str) -> None:
    """Let two databases change names, whoever is connected to them, by way of a third."""
    names = [psycopg.conninfo.conninfo_to_dict(url)["dbname"] for url in (lost, restored)]
    one, other = map(sql.Identifier, map(str, names))
    between = sql.Identifier(f"{names[0]}_lost")
    with psycopg.connect(by_way_of, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(one))
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10_000) FROM pg_stat_activity WHERE datname = ANY (%s)",
            (names,),
        )
        for name, new in ((one, between), (other, one), (between, other)):
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(name, new))


@pytest.mark.parametrize("is_running", [False, True], ids=["stopped meanwhile", "running all the while"])
def test_a_restored_database_ends_as_one_that_was_never_lost(
    run: Run, consumer: Setting, produce: Produce, backups: Backups, db_url: str, empty_db_url: str,
    fresh_url: str, *, is_running: bool,
) -> None:  # fmt: skip
    logs = make_logs(random.Random(41), partitions=3, length=400)
    early, late = (
        [to_message(e)._replace(partition=p) for p, log in enumerate(logs) for e in log[part]]
        for part in (slice(0, 200), slice(200, None))
    )
    env = {**consumer.env, "BATCH_SIZE": "20"}
    process = run(env, "consume")
    produce(early)
    handles(db_url, 100)
    backups.dump(db_url)  # at work, as in every backup
    produce(late)
    handles(db_url, 1_200)

    if is_running:
        backups.restore(fresh_url)
        assert 100 <= ask(fresh_url, handled) <= 600
        put_in_place_of(db_url, fresh_url, empty_db_url)
    else:
        assert process.terminate() == 0
        backups.restore(fresh_url)
        run({**env, "DB_URL": fresh_url}, "consume")
    restored = db_url if is_running else fresh_url
    migrate(empty_db_url)
    alone = {"KAFKA_GROUP_ID": f"{env['KAFKA_GROUP_ID']}-alone", "CONSUMER_PORT": str(free_port())}
    run({**consumer.env, **alone, "DB_URL": empty_db_url}, "consume")
    for url in (restored, empty_db_url):
        handles(url, 1_200)
    assert tables(restored) == tables(empty_db_url)
    assert all(tables(restored))


def erased_by_hand(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute("SELECT target FROM operator_log WHERE command = 'delete' ORDER BY id")
    return [target for (target,) in rows]


def present(url: str) -> int:
    return ask(url, lambda connection: number(connection, "SELECT count(*) FROM avtale"))


def test_what_was_erased_since_the_backup_is_back_until_it_is_erased_again(
    run: Run, consumer: Setting, produce: Produce, backups: Backups, db_url: str, fresh_url: str
) -> None:
    process = run(consumer.env, "consume")
    produce([melding(n) for n in range(10)])
    handles(db_url, 10)
    backups.dump(db_url)
    produce([melding(n, avtaleStatus="AVSLUTTET") for n in range(20)])
    handles(db_url, 30)
    operator = Operator(consumer.env)
    gone = [avtale_id(3), avtale_id(13)]
    for avtale in gone:
        assert f"erased {avtale}:" in operator.run("delete", "--avtale", avtale, "--reason", "case 1")
    assert present(db_url) == 18
    # What the runbook looks up in the lost database, should it still answer.
    assert ask(db_url, erased_by_hand) == gone
    process.terminate()

    backups.restore(fresh_url)
    env = {**consumer.env, "DB_URL": fresh_url}
    operator = Operator(env)
    # Too early: what is to be read once more comes after the marker, and of what came later nothing is known.
    operator.run("delete", "--avtale", avtale_id(3), "--reason", "case 1")
    operator.run("delete", "--avtale", avtale_id(13), "--reason", "case 1", code=1)
    run(env, "consume")
    handles(fresh_url, 30)
    assert present(fresh_url) == 20

    assert [row["lag"] for row in operator.json("offsets", "list")] == [0, 0, 0]
    for avtale in gone:
        operator.run("delete", "--avtale", avtale, "--reason", "case 1, again after a restore")
    assert present(fresh_url) == 18
    produce([melding(n) for n in range(20, 30)])
    handles(fresh_url, 40)
    assert present(fresh_url) == 28
