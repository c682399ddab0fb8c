"""Any acts in any order, with any failures, leave the tables of a plain fold.

Two actors, each on its own connection, write live batches (one may be a zombie with outdated offsets),
rewrite ranges, retry and delete. Connections are lost between any two statements, and responses to COMMIT;
the other actor acts in the middle of a transaction. A long run by hand:
`make integration ARGS="-k any_order --hypothesis-profile long"`.
"""

from collections.abc import Iterator
from itertools import permutations

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.conftest import fresh_database
from tests.hendelser import EPOCH, avtale_id
from tests.integration.acting import Actors, Done
from tests.integration.inside import Inside
from tests.integration.plain import Line, Plain
from tests.integration.plans import (
    PARTITIONS,
    Act,
    Erases,
    Interleaved,
    Live,
    Retries,
    Rewrites,
    Step,
    collisions,
    logs,
    steps,
    version,
)

_FAILED = 3  # of the tables: a retry counts the attempts of those that do not change

_REST = [
    # Either may have to read the offsets first.
    *(Step(actor, Live((0, 1), 1_000), None) for actor in (0, 1, 0)),
    *(Step(0, Retries(partition, ("new", "superseded")), None) for partition in (0, 1)),
    Step(1, Rewrites(0, 1_000), None),
]


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[tuple[Actors, Inside]]:
    """Create one database for all examples of a property; each empties it."""
    postgres, template = request.getfixturevalue("postgres"), request.getfixturevalue("_template")
    options = "-c timezone=UTC -c client_min_messages=warning"
    with (
        fresh_database(postgres, template) as (_, url),
        psycopg.connect(url, autocommit=True, options=options) as connection,
        capture_logs(),  # acts of operators log much
    ):
        actors = Actors(url, connection)
        yield actors, Inside(connection)
        actors.close()


@given(st.data())
def test_any_acts_in_any_order_leave_the_tables_of_the_fold(
    world: tuple[Actors, Inside], data: st.DataObject
) -> None:
    log = data.draw(logs(max_size=12))
    carry_out(*world, log, data.draw(steps(log, max_size=7)))


@given(collisions())
def test_concurrent_acts_leave_the_tables_of_some_serial_order(
    world: tuple[Actors, Inside], collision: tuple[list[Line], list[Step]]
) -> None:
    carry_out(*world, *collision)


@pytest.mark.parametrize("exchange", range(1, 9))
def test_two_partitions_are_always_locked_in_the_same_order(
    exchange: int, world: tuple[Actors, Inside]
) -> None:
    """Otherwise two transactions could deadlock."""
    log = [
        version(
            Line("version", avtale_id(n), PARTITIONS[avtale_id(n)], offset, EPOCH, key, None), n, 0, state
        )
        for offset, state in enumerate(("PÅBEGYNT", "AVSLUTTET"))
        for n, key in ((2, avtale_id(2).encode()), (1, avtale_id(1).encode()))
    ]
    acts: list[Act] = [Live((0, 1), 2), Erases(avtale_id(1)), Rewrites(0, 4)]
    for first, second in permutations(acts, 2):
        # The second has to read the offsets first.
        begun = [Step(0, Live((0, 1), 2), None), Step(1, Live((0, 1), 1), None)]
        carry_out(*world, log, [*begun, Step(0, first, Interleaved(exchange, second))])


def carry_out(actors: Actors, inside: Inside, log: list[Line], plan: list[Step]) -> None:
    """Carry out a plan on empty tables, and compare them with the fold's after each step."""
    inside.clear()
    actors.start(log)
    plain, traces = Plain(log, PARTITIONS), inside.traces()
    for step in [*plan, *_REST]:
        if step.mend:
            inside.mend()
            plain.mended = True
        before = plain
        plain = outcome(before, done := actors.take(step), inside)
        now = inside.traces()
        retried = any(isinstance(one.act, Retries) for one in done)
        for table, (old, new) in enumerate(zip(before.tables(), plain.tables(), strict=True)):
            if old == new and not (table == _FAILED and retried):
                assert now[table] == traces[table], "a table has been written to for nothing"
        traces = now
    assert all(line.offset < plain.next[line.partition][0] for line in log)


def outcome(plain: Plain, done: list[Done], inside: Inside) -> Plain:
    """Return the fold's tables after the serial order of the acts that matches the present tables."""
    actual = inside.tables()
    possible = list(orders(plain, done, inside.next_offsets()))
    for after in possible:
        if after is not None and after.tables() == actual:
            return after
    expected = [after.tables() for after in possible if after is not None]
    assert actual == (expected[0] if len(expected) == 1 else expected)
    raise AssertionError("a deletion returned another place")


def orders(plain: Plain, done: list[Done], ends: dict[int, int]) -> Iterator[Plain | None]:
    """Generate the outcome of each serial order of the acts; None where an act returned something else.

    The offsets show which messages were written live. The other acts may come between any two of them.
    """
    lines = [
        line for line in plain.lines if plain.next[line.partition][0] <= line.offset < ends[line.partition]
    ]
    others = [one for one in done if not isinstance(one.act, Live)]
    for order in permutations(others):
        for cut in range(len(lines) + 1) if others else [0]:
            after = plain.copy()
            for line in lines[:cut]:
                after.take(line)
            is_same = sum(repeats(after, one) for one in order) == len(order)
            for line in lines[cut:]:
                after.take(line)
            yield after if is_same else None


def repeats(plain: Plain, one: Done) -> bool:
    """Repeat an act on the fold; return False when it returns something else."""
    match one.act:
        case Rewrites(first, last):
            plain.rewrite(plain.lines[first:last])
        case Retries(partition, states):
            plain.retry(partition, states)
        case Erases(avtale):
            return plain.erase(avtale) == one.marker
    return True
