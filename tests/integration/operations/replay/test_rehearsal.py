"""A dry run has the tally of the replay after it, with any damage to the tables, and writes nothing."""

from collections.abc import Iterator
from itertools import pairwise

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadeling.db.database import Database
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import Store
from tests.conftest import fresh_database
from tests.integration.inside import Inside
from tests.integration.operations.replay.damage import Damage, Tape, damages
from tests.integration.plain import Kind, Line, Plain
from tests.integration.plans import PARTITIONS, logs
from tests.integration.storing import TOPIC, begin, write_batch

_KINDS: tuple[Kind, ...] = ("version",) * 5 + ("tombstone", "broken", "stray")


class World:
    """A database for all examples, and who works on it."""

    def __init__(self, database: Database, connection: psycopg.Connection) -> None:
        self.database = database
        self.connection = connection
        self.inside = Inside(connection)

    def handle(self, log: list[Line]) -> Tape:
        """Handle a log live, from empty tables on, and keep what they were like meanwhile."""
        self.inside.clear()
        tape, store = Tape(self.connection), Store(self.database, TOPIC, park_limit=1_000)
        positions = begin(store, 0, 1)
        tape.keep()
        for line in log:
            positions |= write_batch(store, [line.melding], positions).positions
            tape.keep()
        return tape


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    postgres, template = request.getfixturevalue("postgres"), request.getfixturevalue("_template")
    options = "-c timezone=UTC -c client_min_messages=warning"
    with (
        fresh_database(postgres, template) as (_, url),
        psycopg.connect(url, autocommit=True, options=options) as connection,
    ):
        database = Database(url, "test")
        yield World(database, connection)
        database.close()


@st.composite
def damaged_logs(draw: st.DrawFn) -> tuple[list[Line], list[Damage], list[list[Line]]]:
    """A log, what is done to the tables after it, and the log cut into batches."""
    log = draw(logs(12, min_size=3, numbers=(1, 1, 1, 2), kinds=_KINDS))
    points = sorted(draw(st.sets(st.integers(0, len(log)), max_size=6)) | {0, len(log)})
    return log, draw(damages(len(log))), [log[a:b] for a, b in pairwise(points)]


@given(damaged_logs())
def test_a_dry_run_has_the_tally_of_the_replay_and_writes_nothing(
    world: World, example: tuple[list[Line], list[Damage], list[list[Line]]]
) -> None:
    log, damage, batches = example
    tape = world.handle(log)
    for one in damage:
        tape.do(one)
    before = world.inside.traces()
    rehearsal = Rewrite(world.database, TOPIC, is_dry_run=True)
    rewrite = Rewrite(world.database, TOPIC)
    told = [rehearsal.write([line.melding for line in batch]) for batch in batches]
    assert world.inside.traces() == before
    assert [rewrite.write([line.melding for line in batch]) for batch in batches] == told


@given(damaged_logs())
def test_a_replay_restores_damaged_tables(
    world: World, example: tuple[list[Line], list[Damage], list[list[Line]]]
) -> None:
    log, damage, batches = example
    tape = world.handle(log)
    plain = Plain(log, PARTITIONS)
    for line in log:
        plain.take(line)
    assert world.inside.tables() == plain.tables()
    for one in damage:
        tape.do(one)
    rewrite = Rewrite(world.database, TOPIC)
    for batch in batches:
        rewrite.write([line.melding for line in batch])

    present, history, *rest = world.inside.tables()
    expected_present, expected_history, *expected_rest = plain.tables()
    assert (present, rest) == (expected_present, expected_rest)
    # What was taken from history comes back as far as the row had been set back.
    assert isinstance(history, list)
    assert isinstance(expected_history, list)
    assert [version for version in history if version not in expected_history] == []
    if all(one.history_left for one in damage):
        assert history == expected_history

    traces = world.inside.traces()
    for batch in batches:
        again = rewrite.write([line.melding for line in batch]).outcomes
        assert again["new"] + again["changed"] + again["deleted"] == 0
    assert world.inside.traces() == traces
