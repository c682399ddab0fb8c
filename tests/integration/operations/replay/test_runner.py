"""A replay from the broker into the tables: what it leaves there."""

from collections import Counter
from threading import Event

import psycopg
import pytest

from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.operations.replay.partition import Setting
from datadeling.operations.replay.runner import Runner, dry_run
from datadeling.pipeline.fold import Outcome
from datadeling.pipeline.tally import Tally
from tests.hendelser import avtale_id, melding
from tests.integration.inside import Inside
from tests.integration.operations.replay.replaying import (
    Handled,
    act_between,
    ask,
    drop,
    events,
    lose,
    run,
    unread,
    unreported,
)
from tests.integration.plans import REFUSED
from tests.services import Kafka


def outcomes(jobs: Jobs, replay: int = 1) -> Counter[Outcome]:
    """Those that there were."""
    return sum((Tally.from_dict(one.tally) for one in jobs.partitions(replay)), Tally()).outcomes


@pytest.mark.usefixtures("log")
def test_an_up_to_date_topic_leaves_the_tables_as_they_were(
    runner: Runner, jobs: Jobs, inside: Inside, connection: psycopg.Connection
) -> None:
    before = inside.traces()
    assert run(runner, jobs) == "done"
    assert inside.traces() == before
    assert events(connection) == {0: 10, 1: 6, 2: 0}
    assert outcomes(jobs) == {"unchanged": 12, "older": 3, "failed": 1}
    row = jobs.get(1)
    assert not row.held
    assert row.finished_at is not None


@pytest.mark.usefixtures("log")
def test_lost_rows_are_restored(
    setting: Setting, runner: Runner, jobs: Jobs, inside: Inside, connection: psycopg.Connection
) -> None:
    before = inside.tables()
    lose(connection)
    told = dry_run(setting, Request(), Event(), unreported)
    assert inside.tables() != before
    assert jobs.listed(1) == []
    assert run(runner, jobs) == "done"
    assert inside.tables() == before
    assert outcomes(jobs) == +told.outcomes == {"new": 12, "changed": 1, "older": 2, "failed": 1}


@pytest.mark.usefixtures("log")
def test_a_replay_of_one_avtale_writes_no_other(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection
) -> None:
    connection.execute("UPDATE avtale SET bedrift_nr = NULL")  # the row says on which partition it is
    assert run(runner, jobs, ask(jobs, Request(avtale_id=avtale_id(1)))) == "done"
    mended = connection.execute("SELECT avtale_nr, kafka_offset FROM avtale WHERE bedrift_nr IS NOT NULL")
    assert mended.fetchall() == [(1, 8)]
    assert outcomes(jobs) == {"older": 1, "changed": 1}
    assert events(connection) == {0: 10}


def test_a_refused_message_is_parked_and_the_rest_written(
    handled: Handled, runner: Runner, jobs: Jobs, inside: Inside, connection: psycopg.Connection
) -> None:
    """Once, in the place of its own; what is parked already stays as it is."""
    inside.clear()
    refused = melding(50, offset=4, bedriftNr=REFUSED)
    also = melding(60, offset=7, bedriftNr=REFUSED)
    good = [melding(n, offset=n) for n in (0, 1, 2, 3, 5, 6, 8)]
    handled.take(*sorted([*good, refused, also], key=lambda m: m.offset))
    before = inside.tables()
    connection.execute("UPDATE failed_message SET attempts = 7 WHERE kafka_offset = 7")
    connection.execute("DELETE FROM failed_message WHERE kafka_offset = 4")
    lose(connection)
    assert run(runner, jobs) == "done"
    assert inside.tables() == before
    assert outcomes(jobs) == {"new": 7, "failed": 2}
    assert events(connection)[0] == 9
    attempts = connection.execute("SELECT attempts FROM failed_message ORDER BY kafka_offset").fetchall()
    assert attempts[1] == (7,)


@pytest.mark.usefixtures("log")
def test_messages_dropped_by_the_topic_are_skipped(
    runner: Runner, jobs: Jobs, connection: psycopg.Connection, kafka: Kafka, topic: str
) -> None:
    """Also when it is dropped after the replay has begun, with one end of the range or both of them."""
    rows = [jobs.get(ask(jobs)) for _ in range(3)]
    for row, end in zip(rows, (10, 4, 6), strict=True):
        jobs.begin(row, [unread(0, 0, end)])
    lose(connection)
    drop(kafka, topic, 5)
    assert [run(runner, jobs, row.id) for row in rows] == ["done"] * 3
    read = connection.execute("SELECT next_offset, events FROM replay_job_partition ORDER BY job_id")
    assert read.fetchall() == [(10, 5), (4, 0), (6, 1)]
    numbers = connection.execute("SELECT avtale_nr FROM avtale ORDER BY 1").fetchall()
    assert numbers == [(1,), (5,), (6,), (7,)]


@pytest.mark.usefixtures("log")
def test_the_live_consumer_goes_on_meanwhile(
    runner: Runner,
    jobs: Jobs,
    handled: Handled,
    inside: Inside,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rows that it writes between two batches stay, and the replay repairs the others later."""
    later = [
        melding(n % 8, offset=10 + n, sistEndret="2022-03-04T08:46:39Z", avtaleStatus=f"S{n}")
        for n in range(12)
    ]
    handled.take(*later[:1])
    waiting = iter(later[1:])

    def live() -> None:
        if (message := next(waiting, None)) is not None:
            handled.take(message)

    with monkeypatch.context() as patched:
        act_between(patched, live)
        assert run(runner, jobs) == "done"
    for message in waiting:
        handled.take(message)
    after = inside.traces()
    assert run(runner, jobs) == "done"
    assert inside.traces() == after
    assert outcomes(jobs, 2).keys() == {"unchanged", "older", "failed"}
