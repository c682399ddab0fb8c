"""A replay passes over what is known to change nothing, and over nothing else."""

from collections.abc import Sequence

import psycopg
import pytest

from datadeling.db.transaction import Transaction
from datadeling.operations.replay.jobs import Jobs
from datadeling.operations.replay.request import Request
from datadeling.operations.replay.runner import Runner
from datadeling.pipeline import known, rewrite
from datadeling.pipeline.message import Message
from tests.hendelser import avtale_id
from tests.integration.inside import Inside
from tests.integration.operations.replay.replaying import ask, lose, run

LOG = 16  # messages of the log; 13 of them are of an avtale that has a row, 1 is parked


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Message]:
    """The messages that replays have read."""
    found: list[Message] = []
    reading = rewrite.read_behind

    def noting(tx: Transaction, topic: str, messages: Sequence[Message], *rest: object) -> object:
        found.extend(messages)
        return reading(tx, topic, messages, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(rewrite, "read_behind", noting)
    return found


def offsets(connection: psycopg.Connection) -> list[tuple[int, int]]:
    """From where up to where this edition has read each partition."""
    rows = connection.execute("""
        SELECT read_from::int, read_to::int
        FROM consumer_offset
        WHERE read_by IS NOT NULL
        ORDER BY kafka_partition
    """)
    return rows.fetchall()


@pytest.mark.usefixtures("log")
def test_what_this_edition_has_read_is_not_read_again(
    runner: Runner, jobs: Jobs, inside: Inside, read: list[Message]
) -> None:
    before = inside.traces()
    assert run(runner, jobs) == "done"
    assert len(read) < LOG / 2
    assert inside.traces() == before


@pytest.mark.usefixtures("log")
def test_a_row_that_was_changed_by_hand_is_mended_and_known_again(
    runner: Runner, jobs: Jobs, inside: Inside, connection: psycopg.Connection, read: list[Message]
) -> None:
    before = inside.tables()
    assert run(runner, jobs) == "done"
    usual = len(read)
    connection.execute("UPDATE avtale SET bedrift_nr = NULL WHERE avtale_id = %s", [avtale_id(1)])
    touched = connection.execute("SELECT avtale_id::text, touched_by FROM avtale_touched").fetchall()
    assert touched == [(avtale_id(1), connection.info.user)]
    read.clear()
    assert run(runner, jobs, ask(jobs)) == "done"
    assert {m.key for m in read} >= {avtale_id(1).encode()}
    assert inside.tables() == before
    assert connection.execute("SELECT count(*) FROM avtale_touched").fetchone() == (0,)
    read.clear()
    assert run(runner, jobs, ask(jobs)) == "done"
    assert len(read) == usual


@pytest.mark.usefixtures("log")
def test_what_another_edition_has_read_is_read(
    runner: Runner,
    jobs: Jobs,
    connection: psycopg.Connection,
    read: list[Message],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connection.execute("UPDATE consumer_offset SET read_by = 'another'")
    assert run(runner, jobs) == "done"
    assert len(read) == LOG
    monkeypatch.setattr(known, "EDITION", "another")
    read.clear()
    assert run(runner, jobs, ask(jobs)) == "done"
    assert len(read) < LOG / 2


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE consumer_offset SET read_to = read_to - 1",  # an older release has moved on
        "UPDATE consumer_offset SET read_by = NULL",
        "UPDATE avtale SET kafka_partition = kafka_partition",  # every row touched
    ],
)
def test_what_is_not_known_is_read(
    change: str, runner: Runner, jobs: Jobs, connection: psycopg.Connection, read: list[Message]
) -> None:
    connection.execute(change.encode())
    assert run(runner, jobs) == "done"
    assert len(read) == LOG


@pytest.mark.usefixtures("log")
def test_what_a_replay_has_read_is_known_from_then_on(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection, read: list[Message]
) -> None:
    """As after a release: the live consumer has read the last messages only."""
    whole = offsets(connection)
    connection.execute("UPDATE consumer_offset SET read_from = read_to - 1 WHERE read_by IS NOT NULL")
    part = Request(to_offsets={0: 3, 1: 3})
    assert run(runner, jobs, ask(jobs, part)) == "done"
    assert offsets(connection) != whole
    assert run(runner, jobs, ask(jobs)) == "done"
    assert offsets(connection) == whole
    read.clear()
    assert run(runner, jobs, ask(jobs)) == "done"
    assert len(read) < LOG / 2


@pytest.mark.usefixtures("log")
def test_lost_rows_are_read(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection, inside: Inside, read: list[Message]
) -> None:
    before = inside.tables()
    lose(connection)
    assert run(runner, jobs) == "done"
    assert len(read) == LOG
    assert inside.tables() == before


@pytest.mark.usefixtures("log")
def test_who_asks_for_one_avtale_has_its_messages_read(
    runner: Runner, jobs: Jobs, read: list[Message]
) -> None:
    assert run(runner, jobs, ask(jobs, Request(avtale_id=avtale_id(1)))) == "done"
    assert {m.key for m in read} == {avtale_id(1).encode()}
