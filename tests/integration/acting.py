"""Carry out plans by two actors, each with a connection and offsets of its own."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import LiteralString, NamedTuple, TypeVar

import psycopg

from datadeling.domain.hendelse import Position
from datadeling.errors import DatabaseUnavailable, LostPartition, NotFound
from datadeling.operations.action import OperatorAction
from datadeling.operations.erase import erase
from datadeling.pipeline.retry import Retry
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import Store
from tests.integration.brittle import Brittle
from tests.integration.plain import At, Line
from tests.integration.plans import Act, Erases, Interleaved, Kill, Live, LostAnswer, Retries, Rewrites, Step
from tests.integration.storing import TOPIC, begin, write_batch

_ACTION = OperatorAction("a test")
_TOO_LONG = 20.0  # seconds

_T = TypeVar("_T")


class Done(NamedTuple):
    """An act that was done, with the place of the marker if it deleted a known avtale."""

    act: Act
    marker: At | None


class Actor:
    """A consumer and an operator on one connection. Retries as the loop does."""

    def __init__(self, db_url: str, name: str) -> None:
        self.database = Brittle(db_url, name)
        self._store = Store(self.database, TOPIC, park_limit=1_000)
        self._retry = Retry(self.database, TOPIC)
        self._rewrite = Rewrite(self.database, TOPIC)
        self._positions: dict[int, Position] = {}
        self._lines: list[Line] = []

    def start(self, lines: list[Line]) -> None:
        self._lines = lines
        self._read_positions()

    def do(self, act: Act) -> Done:
        """Carry out an act to its end."""
        try:
            match act:
                case Live():
                    self._live(act)
                case Rewrites(first, last):
                    lines = [line.melding for line in self._lines[first:last]]
                    self._retried(lambda: self._rewrite.write(lines))
                case Retries(partition, states):
                    self._retried(lambda: self._retry.partition(partition, states))
                case Erases(avtale):
                    place = self._retried(lambda: erase(self.database, TOPIC, avtale, _ACTION)).marker
                    assert place.generation == 0
                    return Done(act, (place.partition, place.offset))
        except NotFound:
            pass
        finally:
            self.database.recover()
        return Done(act, None)

    def _live(self, act: Live) -> None:
        """Write a batch. After a lost partition, begin at the present offsets with the next batch."""
        ahead = [
            line.melding
            for line in self._lines
            if line.partition in act.partitions and line.offset >= self._positions[line.partition].next_offset
        ]
        if not ahead[: act.size]:
            return
        try:
            written = self._retried(lambda: write_batch(self._store, ahead[: act.size], self._positions))
        except LostPartition:
            self._retried(self._read_positions)
        else:
            assert not written.broken
            self._positions.update(written.positions)

    def _read_positions(self) -> None:
        self._positions = begin(self._store, 0, 1)

    def _retried(self, action: Callable[[], _T]) -> _T:
        """Retry after the failures that the plan has caused; raise any other."""
        while True:
            try:
                return action()
            except DatabaseUnavailable:
                if not self.database.struck:
                    raise
                self.database.recover()


class Actors:
    """Two actors on one database."""

    def __init__(self, db_url: str, observer: psycopg.Connection) -> None:
        self._actors = (Actor(db_url, "actor 0"), Actor(db_url, "actor 1"))
        self._observer = observer
        self._thread = ThreadPoolExecutor(1)

    def start(self, lines: list[Line]) -> None:
        """Let both actors read the offsets of the partitions."""
        for actor in self._actors:
            actor.start(lines)

    def close(self) -> None:
        self._thread.shutdown()
        for actor in self._actors:
            actor.database.close()

    def take(self, step: Step) -> list[Done]:
        """Carry out a step, and return the acts that were done in it."""
        actor, other = self._actors[step.actor], self._actors[1 - step.actor]
        match step.event:
            case Kill(exchange):
                actor.database.die(exchange, self._kill)
            case LostAnswer(commit):
                actor.database.lose_answer(commit)
            case Interleaved(exchange, act):
                return self._interleave(actor, step.act, exchange, other, act)
        return [actor.do(step.act)]

    def _kill(self, backend: int) -> None:
        """Terminate a backend, and block until it is gone. PostgreSQL's own wait polls only every 100 ms."""
        self._observer.execute("SELECT pg_terminate_backend(%s)", (backend,))
        while self._any_backend("pid = %s", backend):
            pass

    def _interleave(self, actor: Actor, act: Act, exchange: int, other: Actor, others_act: Act) -> list[Done]:
        """Let the other actor begin in the middle of an act, and run as far as the locks allow."""
        begun: list[Future[Done]] = []

        def begin(_: int) -> None:
            begun.append(self._thread.submit(other.do, others_act))
            while not (
                wait(begun, timeout=0.001).done
                or self._any_backend("datname = current_database() AND wait_event_type = 'Lock'")
            ):
                pass

        actor.database.before_exchange(exchange, begin)

        first = actor.do(act)
        return [first, begun[0].result(_TOO_LONG) if begun else other.do(others_act)]

    def _any_backend(self, condition: LiteralString, *values: object) -> bool:
        row = self._observer.execute(
            f"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {condition})", values
        ).fetchone()
        return bool(row and row[0])
