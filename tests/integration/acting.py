"""Carries out a plan over two connections, each with its own idea of where the partitions stand."""

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
from tests.hendelser import EPOCH
from tests.integration.brittle import Brittle
from tests.integration.plain import At, Line
from tests.integration.plans import Act, Erases, Kill, Live, LostAnswer, Meeting, Retries, Rewrites, Step
from tests.integration.storing import TOPIC

_ASKED = OperatorAction("a test")
_TOO_LONG = 20.0  # seconds

_T = TypeVar("_T")


class Deed(NamedTuple):
    """What was done, and the place of the marker if that was to erase something known."""

    act: Act
    marker: At | None


class Actor:
    """A consumer, and an operator, with a connection of their own. Tries again as the loop does."""

    def __init__(self, db_url: str, name: str) -> None:
        self.database = Brittle(db_url, name)
        self._store = Store(self.database, TOPIC, park_limit=1_000)
        self._retry = Retry(self.database, TOPIC)
        self._rewrite = Rewrite(self.database, TOPIC)
        self._positions: dict[int, Position] = {}
        self._lines: list[Line] = []

    def start(self, lines: list[Line]) -> None:
        self._lines = lines
        self._look()

    def do(self, act: Act) -> Deed:
        """Carry it out to its end."""
        try:
            match act:
                case Live():
                    self._live(act)
                case Rewrites(first, last):
                    lines = [line.melding for line in self._lines[first:last]]
                    self._again(lambda: self._rewrite.write(lines))
                case Retries(partition, states):
                    self._again(lambda: self._retry.partition(partition, states))
                case Erases(avtale):
                    place = self._again(lambda: erase(self.database, TOPIC, avtale, _ASKED)).marker
                    assert place.generation == 0
                    return Deed(act, (place.partition, place.offset))
        except NotFound:
            pass
        finally:
            self.database.recover()
        return Deed(act, None)

    def _live(self, act: Live) -> None:
        """Whoever has lost a partition begins from where it stands now, with the next batch."""
        ahead = [
            line.melding
            for line in self._lines
            if line.partition in act.partitions and line.offset >= self._positions[line.partition].next_offset
        ]
        if not ahead[: act.size]:
            return
        try:
            written = self._again(lambda: self._store.write(ahead[: act.size], self._positions))
        except LostPartition:
            self._again(self._look)
        else:
            assert not written.broken
            self._positions.update(written.positions)

    def _look(self) -> None:
        self._positions = {p: self._store.begin(p, 0, EPOCH) for p in (0, 1)}

    def _again(self, deed: Callable[[], _T]) -> _T:
        """Nothing but what we did to it ourselves makes the database unavailable."""
        while True:
            try:
                return deed()
            except DatabaseUnavailable:
                if not self.database.struck:
                    raise
                self.database.recover()


class Actors:
    """Two of them over one database."""

    def __init__(self, db_url: str, observer: psycopg.Connection) -> None:
        self._actors = (Actor(db_url, "actor 0"), Actor(db_url, "actor 1"))
        self._observer = observer
        self._thread = ThreadPoolExecutor(1)

    def start(self, lines: list[Line]) -> None:
        """Both begin with the partitions."""
        for actor in self._actors:
            actor.start(lines)

    def close(self) -> None:
        self._thread.shutdown()
        for actor in self._actors:
            actor.database.close()

    def take(self, step: Step) -> list[Deed]:
        """Carry out a step, and tell what was done in it."""
        actor, other = self._actors[step.actor], self._actors[1 - step.actor]
        match step.event:
            case Kill(exchange):
                actor.database.die(exchange, self._kill)
            case LostAnswer(commit):
                actor.database.lose_answer(commit)
            case Meeting(exchange, act):
                return self._meet(actor, step.act, exchange, other, act)
        return [actor.do(step.act)]

    def _kill(self, backend: int) -> None:
        """Returns when it is dead: the function's own wait would look only every 100 ms."""
        self._observer.execute("SELECT pg_terminate_backend(%s)", (backend,))
        while self._any_backend("pid = %s", backend):
            pass

    def _meet(self, actor: Actor, act: Act, exchange: int, other: Actor, others_act: Act) -> list[Deed]:
        """In the middle of one act the other begins, and gets as far as the locks of the first allow."""
        begun: list[Future[Deed]] = []

        def begin(_: int) -> None:
            begun.append(self._thread.submit(other.do, others_act))
            while not (
                wait(begun, timeout=0.001).done
                or self._any_backend("datname = current_database() AND wait_event_type = 'Lock'")
            ):
                pass

        actor.database.before_exchange(exchange, begin)
        deed = actor.do(act)
        return [deed, begun[0].result(_TOO_LONG) if begun else other.do(others_act)]

    def _any_backend(self, condition: LiteralString, *values: object) -> bool:
        row = self._observer.execute(
            f"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE {condition})", values
        ).fetchone()
        return bool(row and row[0])
