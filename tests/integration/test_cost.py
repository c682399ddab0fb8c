"""The cost of an event and of a lookup, counted instead of timed, so that a busy machine changes nothing.

When they were last set, the bounds for calls were some 10 % above the count, those for WAL some 25 %. When
one is exceeded, look first at what has been added for each event or each lookup. If it is worth its cost, set
the bound from the figure in the failure. When something has become cheaper, lower its bound, to keep that.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import msgspec
import psycopg
import pytest
from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from datadeling.api.app import POOL, create_app
from datadeling.config import ApiConfig, EntraConfig
from datadeling.db.database import Database
from datadeling.demo.generator import generate_events
from datadeling.demo.process import free_port
from datadeling.domain.hendelse import Hendelse
from datadeling.pipeline.message import Message
from datadeling.pipeline.rewrite import Rewrite
from datadeling.pipeline.store import Store
from datadeling.pipeline.transform import read
from tests.integration.api.rows import FNR, insert, row
from tests.integration.counting import Counting
from tests.integration.storing import TOPIC, begin, write_batch
from tests.unit.api.issuer import CLIENT_ID, ISSUER, serving


class Event(NamedTuple):
    """Calls of functions and bytes of WAL for each event of 1,000; exchanges with the database for all."""

    calls: float
    wal: float
    exchanges: float


class Lookup(NamedTuple):
    """Calls of functions, Python's and C's, and exchanges with the database."""

    calls: float
    exchanges: float


EVENTS = {
    "new": Event(84, 785, 9),
    "with the same state again": Event(109, 740, 11),
    "with another state": Event(124, 1_250, 13),
    "read again by a replay": Event(82, 1, 7),
}
LOOKUPS = {
    "/api/v1/tiltaksstatus": Lookup(1_660, 1),
    "/api/v1/avtaler/sok": Lookup(1_880, 1),
}
READING = 4.5
"""CPU time of reading a message, as a multiple of that of parsing its JSON."""

_BATCH = 1_000
_TRIES = 5


def test_the_cost_of_an_event_is_within_its_bound(
    db_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(db_url, "cost")
    try:
        tries = [_costs(database, connection, Counting(monkeypatch), seed) for seed in range(_TRIES)]
    finally:
        database.close()
    # Of several: a checkpoint in between makes more WAL.
    least = {kind: Event(*map(min, zip(*(each[kind] for each in tries), strict=True))) for kind in EVENTS}
    assert {kind: cost for kind, cost in least.items() if _exceeds(cost, EVENTS[kind])} == {}


def test_the_cost_of_a_lookup_is_within_its_bound(
    db_url: str, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(connection, [row(number) for number in range(3)])
    counting = Counting(monkeypatch)
    least = {}
    with serving() as issuer:
        entra = EntraConfig(CLIENT_ID, ISSUER, issuer.uri, frozenset())
        config = ApiConfig(db_url, entra, port=8080, consumer_port=free_port())
        app = create_app(config, connections=1, registry=CollectorRegistry())
        token = issuer.token(0, exp=4_102_444_800)
        for path in LOOKUPS:
            tries = [counting.during(partial(_look_up, app, path, token)) for _ in range(20)]
            least[path] = Lookup(*map(min, zip(*tries, strict=True)))
        app.extensions[POOL].close()
    assert {path: cost for path, cost in least.items() if _exceeds(cost, LOOKUPS[path])} == {}


def test_the_cost_of_decoding_is_within_its_bound_beside_parsing() -> None:
    messages = _messages(1)
    parse, now = msgspec.json.Decoder(Hendelse).decode, datetime.now(UTC)
    bare = _least(lambda: [parse(m.value or b"") for m in messages])
    ours = _least(lambda: [read(m, 0, now) for m in messages])
    assert ours / bare <= READING


def _costs(
    database: Database, connection: psycopg.Connection, counting: Counting, seed: int
) -> dict[str, Event]:
    """Return the cost of each kind of event."""
    store, messages = Store(database, TOPIC, 10), _messages(seed)
    costs = {}

    def write(kind: str, batch: list[Message]) -> None:
        positions = begin(store)
        placed = _placed(batch, positions[0].next_offset)
        costs[kind] = measured(lambda: write_batch(store, placed, positions))

    def measured(step: Callable[[], object]) -> Event:
        before = _wal(database, connection)
        calls, exchanges = counting.during(step)
        return Event(calls / _BATCH, (_wal(database, connection) - before) / _BATCH, exchanges)

    first = begin(store)[0].next_offset
    write("new", messages)
    rewrite = Rewrite(database, TOPIC)
    costs["read again by a replay"] = measured(lambda: rewrite.write(_placed(messages, first)))
    write("with the same state again", messages)
    write("with another state", [m._replace(value=_edited(m.value or b"")) for m in messages])
    return costs


def _exceeds(cost: Event | Lookup, bound: Event | Lookup) -> bool:
    return any(counted > most for counted, most in zip(cost, bound, strict=True))


def _messages(seed: int) -> list[Message]:
    """Return messages, each about another avtale."""
    newest = {record.key: record.value for record in generate_events(_BATCH * 2, seed)}
    now = datetime.now(UTC)
    return [Message(0, 0, now, key, value) for key, value in list(newest.items())[:_BATCH]]


def _placed(messages: list[Message], first: int) -> list[Message]:
    return [message._replace(offset=offset) for offset, message in enumerate(messages, first)]


def _edited(value: bytes) -> bytes:
    message = msgspec.json.decode(value)
    edited = {"versjon": message["versjon"] + 1, "sistEndret": "2027-01-01T00:00:00Z"}
    return msgspec.json.encode({**message, **edited})


def _wal(database: Database, connection: psycopg.Connection) -> float:
    """Return the bytes that the session of `database` has written so far."""
    with database.transaction() as tx:
        pid = tx.connection.info.backend_pid
        tx.connection.execute("SELECT pg_stat_force_next_flush()")
    found = connection.execute("SELECT wal_bytes::float8 FROM pg_stat_get_backend_wal(%s)", (pid,)).fetchone()
    return float(found[0]) if found else 0.0


def _look_up(app: Flask, path: str, token: str) -> None:
    headers = Headers({"Authorization": f"Bearer {token}", "Behandlingsnummer": "B123"})
    environ = EnvironBuilder(path, method="POST", json={"fnr": FNR}, headers=headers).get_environ()
    _, status, _ = run_wsgi_app(app.wsgi_app, environ)
    assert status.startswith("200")


def _least(step: Callable[[], object]) -> float:
    """Return the CPU seconds of this thread in the best of many tries."""

    def once() -> float:
        before = time.thread_time()
        step()
        return time.thread_time() - before

    return min(once() for _ in range(20))
