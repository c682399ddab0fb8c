"""Replays as they are kept: who may run one, and what becomes of it."""

from datetime import UTC, datetime

import psycopg
import pytest

from datadeling.db.database import Claim, Database
from datadeling.db.rows import PartitionProgress, ReplayRow
from datadeling.errors import Busy, NotFound, TopicChanged
from datadeling.operations.replay.jobs import Jobs, Request, request_of
from datadeling.pipeline.store import Store
from tests.hendelser import EPOCH, avtale_id, melding
from tests.integration.operations.replay.replaying import WHO, Claims, ask, unread
from tests.integration.storing import TOPIC, begin, write

FIRST = [unread(0, 0, 10)]
BOTH = [*FIRST, unread(1, 0, 5)]
AVTALE = Request(avtale_id=avtale_id(1))
ENDED = ("done", "cancelled")
NOT_ENDED = ("requested", "running", "stopped", "failed")


@pytest.fixture
def jobs(database: Database, store: Store) -> Jobs:
    begin(store, 0, 1, 2)
    return Jobs(database, TOPIC)


def put(connection: psycopg.Connection, replay: int, state: str) -> None:
    connection.execute("UPDATE replay_job SET state = %s WHERE id = %s", (state, replay))


def begun(jobs: Jobs, planned: list[PartitionProgress], request: Request | None = None) -> ReplayRow:
    row = jobs.get(ask(jobs, request or Request()))
    jobs.begin(row, planned)
    return jobs.get(row.id)


def test_a_request_is_kept(jobs: Jobs) -> None:
    time = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    request = Request({0: 1, 12: 2**40}, time, {1: 7}, time, avtale_id(1), 50)
    rows = [jobs.get(ask(jobs, one, background=False)) for one in (request, Request())]
    assert [request_of(row) for row in rows] == [request, Request()]
    assert {(row.state, row.background, row.held, row.error) for row in rows} == {
        ("stopped", False, False, None)
    }
    assert jobs.get(ask(jobs)).state == "requested"
    assert [row.id for row in jobs.listed(2)] == [3, 2]


def test_a_replay_of_another_topic_is_not_found(jobs: Jobs, database: Database) -> None:
    replay = ask(jobs)
    others = Jobs(database, "another")
    assert others.listed(10) == others.waiting() == []
    with pytest.raises(NotFound):
        others.get(replay)
    with pytest.raises(NotFound):
        others.cancel(replay, WHO)
    assert jobs.get(replay).state == "requested"


@pytest.mark.parametrize("state", NOT_ENDED)
def test_a_replay_that_has_not_ended_can_begin_or_be_cancelled(
    state: str, jobs: Jobs, connection: psycopg.Connection
) -> None:
    replay = ask(jobs)
    jobs.end(replay, "failed", "a cause")
    put(connection, replay, state)
    jobs.begin(jobs.get(replay), FIRST)
    row = jobs.get(replay)
    assert (row.state, row.finished_at, row.error) == ("running", None, None)
    assert row.started_at is not None
    put(connection, replay, state)
    jobs.cancel(replay, WHO)
    assert jobs.get(replay).state == "cancelled"


@pytest.mark.parametrize("state", ENDED)
def test_an_ended_replay_stays_ended(state: str, jobs: Jobs, connection: psycopg.Connection) -> None:
    replay = ask(jobs)
    put(connection, replay, state)
    before = jobs.get(replay)
    with pytest.raises(NotFound, match=f"replay {replay} has ended"):
        jobs.begin(before, FIRST)
    with pytest.raises(NotFound, match=f"replay {replay} has been {state} already"):
        jobs.cancel(replay, WHO)
    jobs.end(replay, "failed", "too late")
    assert jobs.get(replay) == before
    assert jobs.partitions(replay) == []


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        pytest.param(BOTH, BOTH, id="the same"),
        pytest.param([unread(0, 9, 20)], BOTH, id="one message of one partition"),
        pytest.param([unread(1, 2, 3)], BOTH, id="inside"),
    ],
)
def test_overlapping_replays_are_refused(
    mine: list[PartitionProgress], theirs: list[PartitionProgress], jobs: Jobs, claims: Claims
) -> None:
    other = begun(jobs, theirs)
    claim = claims.on(other.id)
    assert claim.take()
    row = jobs.get(ask(jobs))
    with pytest.raises(Busy, match=f"replay {other.id} reads some of the same"):
        jobs.begin(row, mine)
    assert jobs.get(row.id) == row
    assert jobs.partitions(row.id) == []
    claims.kill(claim)
    assert [one.partition for one in jobs.begin(row, mine)] == [one.partition for one in mine]


@pytest.mark.parametrize(
    ("planned", "request_", "state"),
    [
        pytest.param([unread(0, 10, 20)], Request(), "running", id="after it"),
        pytest.param([unread(2, 0, 9)], Request(), "running", id="another partition"),
        pytest.param([unread(0, 0, 3)], Request(), "running", id="what it has read already"),
        pytest.param(BOTH, AVTALE, "running", id="one avtale alone"),
        pytest.param(BOTH, Request(), "failed", id="the other has failed"),
    ],
)
def test_replays_that_do_not_overlap_run_concurrently(
    planned: list[PartitionProgress],
    request_: Request,
    state: str,
    jobs: Jobs,
    claims: Claims,
    connection: psycopg.Connection,
) -> None:
    other = begun(jobs, BOTH)
    assert claims.on(other.id).take()
    connection.execute("UPDATE replay_job_partition SET next_offset = 3 WHERE kafka_partition = 0")
    put(connection, other.id, state)
    assert begun(jobs, planned, request_).state == "running"


def test_overlapping_replays_of_an_avtale_are_refused(jobs: Jobs, claims: Claims) -> None:
    assert claims.on(begun(jobs, FIRST, AVTALE).id).take()
    with pytest.raises(Busy):
        begun(jobs, FIRST, AVTALE)
    assert begun(jobs, FIRST, Request(avtale_id=avtale_id(2))).state == "running"


def test_a_resumed_replay_keeps_its_bounds(jobs: Jobs, store: Store) -> None:
    row = begun(jobs, BOTH)
    before = jobs.partitions(row.id)
    assert [(s.from_offset, s.next_offset, s.to_offset, s.events) for s in before] == [
        (0, 0, 10, 0),
        (0, 0, 5, 0),
    ]
    write(store, melding(1, offset=30))
    started = row.started_at
    assert jobs.begin(row, [unread(p, 0, 31) for p in range(3)]) == before
    assert jobs.get(row.id).started_at == started


def test_a_replay_cannot_begin_after_a_new_generation(jobs: Jobs, database: Database) -> None:
    row = begun(jobs, BOTH)
    jobs.end(row.id, "stopped")
    with database.transaction() as tx:
        tx.raise_generation(TOPIC, None)
    with pytest.raises(TopicChanged, match="partition 0"):
        jobs.begin(row, {})
    assert jobs.get(row.id).state == "stopped"


def test_a_replay_cannot_begin_without_an_offset_of_its_partition(
    jobs: Jobs, connection: psycopg.Connection
) -> None:
    row = begun(jobs, BOTH)
    connection.execute("DELETE FROM consumer_offset WHERE kafka_partition = 1")
    with pytest.raises(TopicChanged, match="partition 1"):
        jobs.begin(row, {})


def test_a_consumer_may_run_requested_and_interrupted_replays(
    jobs: Jobs, claims: Claims, connection: psycopg.Connection
) -> None:
    states = (*NOT_ENDED, *ENDED)
    replays = {state: ask(jobs) for state in states}
    for state, replay in replays.items():
        put(connection, replay, state)
        put(connection, ask(jobs, background=False), state)
    assert [row.id for row in jobs.waiting()] == [replays["requested"], replays["running"]]
    claim = claims.on(replays["running"])
    assert claim.take()
    assert [row.id for row in jobs.waiting()] == [replays["requested"]]
    assert jobs.get(replays["running"]).held
    claims.kill(claim)
    assert [row.id for row in jobs.waiting()] == [replays["requested"], replays["running"]]
    assert not jobs.get(replays["running"]).held


def test_progress_moves_from_its_present_offset_while_the_replay_runs(
    jobs: Jobs, database: Database, connection: psycopg.Connection
) -> None:
    row = begun(jobs, FIRST)

    def advance(start: int, end: int) -> bool:
        with database.transaction() as tx:
            values = {
                "id": row.id,
                "partition": 0,
                "start": start,
                "next_offset": end,
                "events": end,
                "tally": {},
            }
            return tx.run("advance_replay", **values).rowcount == 1

    assert advance(0, 4)
    assert not advance(0, 4)
    assert advance(4, 6)
    put(connection, row.id, "cancelled")
    assert not advance(6, 8)
    put(connection, row.id, "running")
    with database.transaction() as tx:
        tx.raise_generation(TOPIC, None)
    assert not advance(6, 8)
    (one,) = jobs.partitions(row.id)
    assert (one.next_offset, one.events) == (6, 6)
    assert one.updated_at > EPOCH


def test_a_claim_in_another_database_does_not_count(jobs: Jobs, empty_db_url: str) -> None:
    replay = ask(jobs)
    elsewhere = Claim(empty_db_url, replay)
    assert elsewhere.take()
    assert not jobs.get(replay).held
    elsewhere.release()
