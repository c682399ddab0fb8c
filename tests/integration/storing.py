"""Write through the store as the loop does, and read the tables back."""

from collections import Counter
from collections.abc import Mapping, Sequence

import psycopg

from datadeling.domain.hendelse import Position
from datadeling.pipeline.message import Message
from datadeling.pipeline.store import Store, Written, read_all
from tests.hendelser import EPOCH
from tests.oracle import Tables

TOPIC = "avtaler"
PARK_LIMIT = 4
BEGINNING = Position(0, 0)


def position(store: Store, partition: int) -> Position | None:
    with store._database.transaction() as tx:
        return tx.positions(store._topic).get(partition)


def begin_at(store: Store, partition: int, offset: int = 0) -> Position:
    """Begin a partition that has never been read; return its position."""
    with store._database.transaction() as tx:
        place = {"topic": store._topic, "partition": partition}
        tx.run("insert_offset", **place, next_offset=offset, historikk_fra=EPOCH)
        return tx.positions(store._topic)[partition]


def begin(store: Store, *partitions: int) -> dict[int, Position]:
    return {p: begin_at(store, p) for p in partitions or (0,)}


def write_batch(store: Store, messages: Sequence[Message], positions: Mapping[int, Position]) -> Written:
    return store.write(list(zip(messages, read_all(messages, positions), strict=True)), positions)


def write(store: Store, *messages: Message) -> Counter[str]:
    """Write messages from the present offsets on."""
    positions = begin(store, *{m.partition for m in messages})
    written = write_batch(store, messages, positions)
    return Counter({str(outcome): n for outcome, n in written.outcomes.items()})


def tables(connection: psycopg.Connection) -> Tables:
    """Return the database's content in the oracle's terms."""
    return Tables(
        present={
            row[0]: row[1:]
            for row in connection.execute("""
                SELECT avtale_id::text, extract(second FROM endret_tidspunkt)::int, avtale_status,
                       kafka_offset, hendelse_tidspunkt FROM avtale
            """)
        },
        history=connection.execute(
            "SELECT avtale_id::text, avtale_status, gyldig_fra, gyldig_til FROM avtale_historikk"
        ).fetchall(),
        markers=dict(
            connection.execute("SELECT avtale_id::text, kafka_offset FROM avtale_slettet").fetchall()
        ),
        failed={
            row[0]: row[1:]
            for row in connection.execute(
                "SELECT kafka_offset, convert_from(key, 'UTF8'), state FROM failed_message"
            )
        },
    )


def clear(connection: psycopg.Connection) -> None:
    connection.execute("TRUNCATE avtale, avtale_historikk, avtale_slettet, failed_message, consumer_offset")
