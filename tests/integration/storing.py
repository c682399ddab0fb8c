"""Write through the store as the loop does, and read the tables back."""

from collections import Counter

import psycopg

from datadeling.domain.hendelse import Position
from datadeling.pipeline.message import Message
from datadeling.pipeline.store import Store
from tests.hendelser import EPOCH
from tests.oracle import Tables

TOPIC = "avtaler"
PARK_LIMIT = 4
BEGINNING = Position(0, 0)


def begin(store: Store, *partitions: int) -> dict[int, Position]:
    return {p: store.begin(p, 0, EPOCH) for p in partitions or (0,)}


def write(store: Store, *messages: Message) -> Counter[str]:
    """Write messages from the present offsets on."""
    positions = {m.partition: store.begin(m.partition, 0, EPOCH) for m in messages}
    return Counter({str(outcome): n for outcome, n in store.write(messages, positions).outcomes.items()})


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
