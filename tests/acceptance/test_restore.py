"""A database restored from a backup: the consumer reads the rest again by itself."""

import random
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from psycopg import sql

from datadeling.db.migrate import migrate
from datadeling.demo import postgres
from datadeling.demo.process import free_port
from datadeling.domain.avtale import COLUMNS
from tests.acceptance.conftest import Run, Setting
from tests.acceptance.operating import Operator, Produce
from tests.acceptance.processes import handled, number
from tests.conftest import fresh_database
from tests.hendelser import avtale_id, melding
from tests.services import Postgres
from tests.strategies import to_message
from tests.torture.logs import make_logs
from tests.waiting import wait_until

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
    """Backs up and restores by the commands of the runbook."""

    def __init__(self, directory: Path) -> None:
        self._programs = postgres.programs()
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
    """Create the empty database that the backup is restored to."""
    with fresh_database(postgres, template="template0") as (_, url):
        yield url


def query(url: str, function: Callable[[psycopg.Connection], _T]) -> _T:
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        return function(connection)


def wait_for_messages(url: str, messages: int) -> None:
    wait_until(lambda: query(url, handled) >= messages, f"{messages} are handled")


def tables(url: str) -> list[list[Any]]:
    """Return the rows that a restore must bring back, in an order that does not depend on their history."""
    return query(url, lambda connection: [connection.execute(each).fetchall() for each in _TABLES])


def swap_names(lost: str, restored: str, third: str) -> None:
    """Swap the names of two databases over a connection to a third, and end the sessions on both."""
    names = [psycopg.conninfo.conninfo_to_dict(url)["dbname"] for url in (lost, restored)]
    one, other = map(sql.Identifier, map(str, names))
    between = sql.Identifier(f"{names[0]}_lost")
    with psycopg.connect(third, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(one))
        admin.execute(
            "SELECT pg_terminate_backend(pid, 10_000) FROM pg_stat_activity WHERE datname = ANY (%s)",
            (names,),
        )
        for name, new in ((one, between), (other, one), (between, other)):
            admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(name, new))


@pytest.mark.parametrize("is_running", [False, True], ids=["stopped", "running"])
def test_a_restored_database_catches_up_with_one_that_was_never_lost(
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
    wait_for_messages(db_url, 100)
    backups.dump(db_url)  # at work, as in every backup
    produce(late)
    wait_for_messages(db_url, 1_200)

    if is_running:
        backups.restore(fresh_url)
        assert 100 <= query(fresh_url, handled) <= 600
        swap_names(db_url, fresh_url, empty_db_url)
    else:
        assert process.terminate() == 0
        backups.restore(fresh_url)
        run({**env, "DB_URL": fresh_url}, "consume")
    restored = db_url if is_running else fresh_url
    migrate(empty_db_url)
    alone = {"KAFKA_GROUP_ID": f"{env['KAFKA_GROUP_ID']}-alone", "CONSUMER_PORT": str(free_port())}
    run({**consumer.env, **alone, "DB_URL": empty_db_url}, "consume")
    for url in (restored, empty_db_url):
        wait_for_messages(url, 1_200)
    assert tables(restored) == tables(empty_db_url)
    assert all(tables(restored))


def deleted_by_hand(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute("SELECT target FROM operator_log WHERE command = 'delete' ORDER BY id")
    return [target for (target,) in rows]


def present(url: str) -> int:
    return query(url, lambda connection: number(connection, "SELECT count(*) FROM avtale"))


def test_avtaler_deleted_since_the_backup_are_deleted_again_by_hand(
    run: Run, consumer: Setting, produce: Produce, backups: Backups, db_url: str, fresh_url: str
) -> None:
    process = run(consumer.env, "consume")
    produce([melding(n) for n in range(10)])
    wait_for_messages(db_url, 10)
    backups.dump(db_url)
    produce([melding(n, avtaleStatus="AVSLUTTET") for n in range(20)])
    wait_for_messages(db_url, 30)
    operator = Operator(consumer.env)
    gone = [avtale_id(3), avtale_id(13)]
    for avtale in gone:
        assert f"erased {avtale}:" in operator.run("delete", "--avtale", avtale, "--reason", "case 1")
    assert present(db_url) == 18
    # What the runbook looks up in the lost database, should it still answer.
    assert query(db_url, deleted_by_hand) == gone
    process.terminate()

    backups.restore(fresh_url)
    env = {**consumer.env, "DB_URL": fresh_url}
    operator = Operator(env)
    # Too early: what is to be read once more comes after the marker, and of what came later nothing is known.
    operator.run("delete", "--avtale", avtale_id(3), "--reason", "case 1")
    operator.run("delete", "--avtale", avtale_id(13), "--reason", "case 1", code=1)
    run(env, "consume")
    wait_for_messages(fresh_url, 30)
    assert present(fresh_url) == 20

    assert [row["lag"] for row in operator.json("offsets", "list")] == [0, 0, 0]
    for avtale in gone:
        operator.run("delete", "--avtale", avtale, "--reason", "case 1, again after a restore")
    assert present(fresh_url) == 18
    produce([melding(n) for n in range(20, 30)])
    wait_for_messages(fresh_url, 40)
    assert present(fresh_url) == 28
