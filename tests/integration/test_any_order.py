"""Whatever is done to the tables, in whatever order, and whatever fails: they hold what a plain fold says.

Two actors, each with a connection of its own: they write batches live (one of them may be a zombie that does
not know what the other has written), rewrite ranges, retry and erase. Connections are lost between any two
statements, and answers to COMMIT; the other one acts in the middle of a transaction. A long run by hand:
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
from tests.integration.acting import Actors, Deed
from tests.integration.inside import Inside
from tests.integration.plain import Line, Plain
from tests.integration.plans import (
    PARTITIONS,
    Act,
    Erases,
    Live,
    Meeting,
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
    *(Step(actor, Live((0, 1), 1_000), None) for actor in (0, 1, 0)),  # either may have to look first
    *(Step(0, Retries(partition, ("new", "superseded")), None) for partition in (0, 1)),
    Step(1, Rewrites(0, 1_000), None),
]


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest) -> Iterator[tuple[Actors, Inside]]:
    """One database for all examples of a property, emptied before each."""
    postgres, template = request.getfixturevalue("postgres"), request.getfixturevalue("_template")
    options = "-c timezone=UTC -c client_min_messages=warning"
    with (
        fresh_database(postgres, template) as (_, url),
        psycopg.connect(url, autocommit=True, options=options) as connection,
        capture_logs(),  # what operators do is told at length
    ):
        actors = Actors(url, connection)
        yield actors, Inside(connection)
        actors.close()


@given(st.data())
def test_in_any_order_the_tables_are_what_a_plain_fold_says(
    world: tuple[Actors, Inside], data: st.DataObject
) -> None:
    log = data.draw(logs(max_size=12))
    carry_out(*world, log, data.draw(steps(log, max_size=7)))


@given(collisions())
def test_two_at_once_come_to_what_one_after_the_other_does(
    world: tuple[Actors, Inside], collision: tuple[list[Line], list[Step]]
) -> None:
    carry_out(*world, *collision)


@pytest.mark.parametrize("exchange", range(1, 9))
def test_whoever_needs_two_partitions_takes_them_in_one_order(
    exchange: int, world: tuple[Actors, Inside]
) -> None:
    """Else two would wait for each other until the database ends one of them."""
    log = [
        version(
            Line("version", avtale_id(n), PARTITIONS[avtale_id(n)], offset, EPOCH, key, None), n, 0, state
        )
        for offset, state in enumerate(("PÅBEGYNT", "AVSLUTTET"))
        for n, key in ((2, avtale_id(2).encode()), (1, avtale_id(1).encode()))
    ]
    acts: list[Act] = [Live((0, 1), 2), Erases(avtale_id(1)), Rewrites(0, 4)]
    for first, second in permutations(acts, 2):
        begun = [Step(0, Live((0, 1), 2), None), Step(1, Live((0, 1), 1), None)]  # the second has to look
        carry_out(*world, log, [*begun, Step(0, first, Meeting(exchange, second))])


def carry_out(actors: Actors, inside: Inside, log: list[Line], plan: list[Step]) -> None:
    """Do it all, from empty tables on, and compare them with the fold's after each step."""
    inside.clear()
    actors.start(log)
    plain, traces = Plain(log, PARTITIONS), inside.traces()
    for step in [*plan, *_REST]:
        if step.mend:
            inside.mend()
            plain.mended = True
        before = plain
        plain = outcome(before, deeds := actors.take(step), inside)
        now = inside.traces()
        retried = any(isinstance(deed.act, Retries) for deed in deeds)
        for table, (old, new) in enumerate(zip(before.tables(), plain.tables(), strict=True)):
            if old == new and not (table == _FAILED and retried):
                assert now[table] == traces[table], "a table has been written to for nothing"
        traces = now
    assert all(line.offset < plain.next[line.partition][0] for line in log)


def outcome(plain: Plain, deeds: list[Deed], inside: Inside) -> Plain:
    """What was done, in the one of the possible orders that leaves what is there now."""
    actual = inside.tables()
    possible = list(orders(plain, deeds, inside.next_offsets()))
    for after in possible:
        if after is not None and after.tables() == actual:
            return after
    expected = [after.tables() for after in possible if after is not None]
    assert actual == (expected[0] if len(expected) == 1 else expected)
    raise AssertionError("an erasure told of another place")


def orders(plain: Plain, deeds: list[Deed], ends: dict[int, int]) -> Iterator[Plain | None]:
    """The outcomes of what was done, one after the other, in every order; None for what came out otherwise.

    Live writes come to the same in all of them: the offsets tell how far they got. The other deeds may have
    been done between any two of the messages.
    """
    lines = [
        line for line in plain.lines if plain.next[line.partition][0] <= line.offset < ends[line.partition]
    ]
    others = [deed for deed in deeds if not isinstance(deed.act, Live)]
    for order in permutations(others):
        for cut in range(len(lines) + 1) if others else [0]:
            after = plain.copy()
            for line in lines[:cut]:
                after.take(line)
            came_so = sum(does(after, deed) for deed in order) == len(order)
            for line in lines[cut:]:
                after.take(line)
            yield after if came_so else None


def does(plain: Plain, deed: Deed) -> bool:
    """Do what was done; False when something else came of it."""
    match deed.act:
        case Rewrites(first, last):
            plain.rewrite(plain.lines[first:last])
        case Retries(partition, states):
            plain.retry(partition, states)
        case Erases(avtale):
            return plain.erase(avtale) == deed.marker
    return True
