"""A log to be replayed, and fingerprints of the tables, to see whether a replay has written anything."""

from datetime import timedelta
from typing import Any

import psycopg

from datadeling.demo.generator import generate_events
from datadeling.domain.avtale import COLUMNS
from datadeling.pipeline.message import Message
from datadeling.pipeline.partitioner import partition_of
from tests.hendelser import EPOCH

EVENTS = 3_000
Trace = list[tuple[Any, ...]]


def create_log() -> list[Message]:
    """Create a log of generated events, with tombstones and unreadable messages."""
    events = list(generate_events(EVENTS - 20, 7))
    gone = [(event.key, None) for event in events[:10]]
    bad = [(event.key, b"{") for event in events[10:20]]
    return [
        Message(partition_of(key, 3), 0, EPOCH + timedelta(seconds=number), key, value)
        for number, (key, value) in enumerate([*events, *gone, *bad])
    ]


def trace(connection: psycopg.Connection) -> list[Trace]:
    """Return the position of each row of each table, and the transaction that wrote it."""
    tables = ("avtale", "avtale_historikk", "avtale_slettet", "failed_message", "consumer_offset")
    return [
        connection.execute(f"SELECT ctid::text, xmin::text FROM {table} ORDER BY ctid").fetchall()
        for table in tables
    ]


def checksum(connection: psycopg.Connection) -> str:
    """Return a checksum of all columns of all avtaler, regardless of their positions."""
    columns = ", ".join(COLUMNS)
    row = connection.execute(f"""
        SELECT md5(string_agg(md5(one::text), '' ORDER BY avtale_id))
        FROM (SELECT {columns} FROM avtale) AS one
    """).fetchone()
    assert row is not None
    return str(row[0])
