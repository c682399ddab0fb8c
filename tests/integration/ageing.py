"""Insert rows of any age into the tables that are pruned."""

from datetime import datetime, timedelta

import psycopg

from datadeling.pipeline.store import Store
from tests.hendelser import avtale_id, melding, record
from tests.integration.storing import write

LATER = "2022-03-04T08:46:39Z"


def park(store: Store, connection: psycopg.Connection, state: str, age: timedelta, rows: int = 1) -> None:
    """Park messages that have been in this state for so long."""
    (at,) = connection.execute("SELECT coalesce(max(next_offset), 0) FROM consumer_offset").fetchall()[0]
    for offset in range(at, at + 2 * rows, 2):
        write(store, record(offset, b"nobody", b"{"), melding(9, offset=offset + 1))  # never many in a row
    connection.execute(
        "UPDATE failed_message SET state = %(state)s, updated_at = now() - %(age)s,"
        " created_at = now() - %(created)s WHERE kafka_offset >= %(at)s",
        {"state": state, "age": age, "created": age if state == "new" else timedelta(days=9_999), "at": at},
    )


def supersede(store: Store, connection: psycopg.Connection, *ages: timedelta, copies: int = 1) -> None:
    """Insert an avtale with `copies` versions for each age, the time since they were superseded."""
    write(store, melding(1, offset=100_000), melding(1, offset=100_001, sistEndret=LATER))
    with connection.transaction():
        connection.execute("CREATE TEMPORARY TABLE pattern ON COMMIT DROP AS SELECT * FROM avtale_historikk")
        connection.execute("DELETE FROM avtale_historikk")
        connection.execute(
            """
            INSERT INTO avtale_historikk
            SELECT version.*
            FROM unnest(%s::interval[]) WITH ORDINALITY AS old (age, number), generate_series(1, %s) AS copy,
                 pattern, jsonb_populate_record(pattern, jsonb_build_object(
                     'kafka_offset', number + 100 * (copy - 1),
                     'gyldig_fra', now() - age - interval '1 day', 'gyldig_til', now() - age)) AS version
            """,
            (list(ages), copies),
        )


def note(connection: psycopg.Connection, command: str, age: timedelta, target: str = "x") -> None:
    """Insert a record of an operator's action of this age."""
    connection.execute(
        "INSERT INTO operator_log (tidspunkt, who, command, target) VALUES (now() - %s, 'x', %s, %s)",
        (age, command, target),
    )


def replayed(connection: psycopg.Connection, state: str, age: timedelta) -> None:
    """Insert a replay that ended, or if it is still open was requested, so long ago."""
    ended = "finished_at" if state in {"done", "failed", "cancelled", "stopped"} else "requested_at"
    connection.execute(
        "WITH job AS ("
        f" INSERT INTO replay_job (topic, state, {ended}) VALUES ('x', %s, now() - %s) RETURNING id)"
        " INSERT INTO replay_job_partition SELECT id, 0, 0, 0, 0, 0 FROM job",
        (state, age),
    )


def mark(connection: psycopg.Connection, number: int) -> None:
    """Insert the marker of a deleted avtale."""
    connection.execute("INSERT INTO avtale_slettet VALUES (%s, 0, 0, 0, now())", (avtale_id(number),))


def claim(connection: psycopg.Connection, *claims: datetime) -> None:
    """Set the time from which the history of each partition is complete."""
    for partition, historikk_fra in enumerate(claims):
        connection.execute(
            "INSERT INTO consumer_offset (topic, kafka_partition, next_offset, historikk_fra)"
            " VALUES ('avtaler', %(p)s, 0, %(fra)s) ON CONFLICT (topic, kafka_partition)"
            " DO UPDATE SET historikk_fra = %(fra)s",
            {"p": partition, "fra": historikk_fra},
        )


def claims(connection: psycopg.Connection) -> list[datetime]:
    """Return the time from which the history of each partition is complete."""
    rows = connection.execute("SELECT historikk_fra FROM consumer_offset ORDER BY kafka_partition").fetchall()
    return [historikk_fra for (historikk_fra,) in rows]


def rows_left(connection: psycopg.Connection) -> dict[str, int]:
    """Return the number of rows of each table."""
    left = {}
    for table in ("failed_message", "avtale_historikk", "operator_log", "replay_job"):
        ((left[table],),) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()
    return left
