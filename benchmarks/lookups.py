"""`python -m benchmarks.lookups`: lookups over HTTP, tokens checked, each with its record in the log."""

import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import psutil
import psycopg
from rich.console import Console
from rich.table import Table

from benchmarks.http_load import load, request
from benchmarks.setting import SEED
from datadeling.db.migrate import migrate
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.ports import free_port
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.processes import await_true, command, is_ready

CLIENT_ID = "00000000-0000-4000-8000-00000000d474"
_A_PERSON = 1.4  # avtaler, on average
_FIELDS = ["avtaleId", "tiltakstype", "startDato", "sluttDato"]

# Persons whose numbers have 80 added to the month, and whatever else a row needs.
_FILL = """
    INSERT INTO avtale
    SELECT
        gen_random_uuid(), n,
        lpad((p %% 28 + 1)::text, 2, '0') || (81 + p / 28 %% 12) || lpad((p / 336 %% 100)::text, 2, '0')
            || 10000 + p / 33600,
        (800000000 + n %% 40000)::text, 'Z' || 100000 + n %% 4000,
        (ARRAY['ARBEIDSTRENING', 'MIDLERTIDIG_LONNSTILSKUDD', 'MENTOR', 'VTAO'])[n %% 4 + 1],
        (ARRAY['AVSLUTTET', 'AVSLUTTET', 'PÅBEGYNT', 'GJENNOMFØRES'])[n %% 4 + 1],
        1, 'VEILEDER', '2026-01-01'::date + n %% 300, '2026-06-01'::date + n %% 300, 50, 3, 'FAST',
        now(), now(), now(), now(), NULL, false, false, 'Z100000', NULL, NULL, false,
        '2026-01-01'::timestamptz + n * interval '1 minute', now(), 0, n %% 3, n, now(), now()
    FROM generate_series(1, %(avtaler)s) AS n
    CROSS JOIN LATERAL (SELECT hashint4(n) & 2147483647 AS h) AS hashed
    CROSS JOIN LATERAL (SELECT h %% %(persons)s AS p) AS person
"""


@click.command()
@click.option("--avtaler", default=200_000, show_default=True, help="Rows of the table.")
@click.option("--connections", default=32, show_default=True, help="Clients that ask at once.")
@click.option("--seconds", default=15.0, show_default=True, help="Of each kind of lookup.")
@click.option("--workers", default=2, show_default=True, help="Processes of the API.")
def lookups(avtaler: int, connections: int, seconds: float, workers: int) -> None:
    """Fill a table, then look persons and avtaler up in it, each kind of lookup for some seconds."""
    console = Console(width=140)
    table = Table(
        "lookup", "a second", "median ms", "p99 ms", "worst ms", "CPU of the API, ms each", "of the database"
    )
    with EmbeddedPostgres() as postgres, TokenIssuer() as issuer:
        migrate(postgres.url)
        persons, ids = _fill(postgres.url, avtaler)
        port = free_port()
        settings = {
            "DB_URL": postgres.url,
            "AZURE_APP_CLIENT_ID": CLIENT_ID,
            "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
            "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
            "PORT": str(port),
            "CONSUMER_PORT": str(free_port()),
            "WEB_CONCURRENCY": str(workers),
        }
        headers = {"Authorization": f"Bearer {issuer.token(CLIENT_ID)}", "Behandlingsnummer": "B123"}
        with command("serve", settings, postgres.directory) as serve:
            await_true(lambda: is_ready(f"http://127.0.0.1:{port}"), serve)
            for name, requests in _kinds(headers, persons, ids).items():
                load(port, requests, connections, 2.0)
                before = _cpu(serve.pid), _cpu_of_database(postgres.directory)
                figures = load(port, requests, connections, seconds)
                after = _cpu(serve.pid), _cpu_of_database(postgres.directory)
                answers = figures.per_second * seconds
                cpu = (f"{1_000 * (b - a) / answers:.2f}" for a, b in zip(before, after, strict=True))
                table.add_row(name, *(f"{figure:,.1f}" for figure in figures), *cpu)
        records = _records(postgres.url)
    console.print(table)
    console.print(
        f"{records:,} records in the log. API, database and clients share the cores of this machine."
    )


def _kinds(headers: dict[str, str], persons: list[str], ids: list[str]) -> dict[str, Iterator[bytes]]:
    chosen = random.Random(SEED)  # noqa: S311 (which persons is no secret)
    status, search = "/api/v1/tiltaksstatus", "/api/v1/avtaler/sok"

    def post(path: str, body: object) -> bytes:
        return request(path, headers, json.dumps(body).encode())

    def forever(make: Callable[[], bytes]) -> Iterator[bytes]:
        return (make() for _ in itertools.count())

    def person() -> dict[str, str]:
        return {"fnr": chosen.choice(persons)}

    return {
        "tiltaksstatus": forever(lambda: post(status, person())),
        "sok by fnr, all fields": forever(lambda: post(search, person())),
        "sok by fnr, four fields": forever(lambda: post(search, {**person(), "felter": _FIELDS})),
        "one avtale": forever(lambda: request(f"/api/v1/avtaler/{chosen.choice(ids)}", headers)),
        "bolk of 100": forever(lambda: post(f"{status}/bolk", {"personer": [person() for _ in range(100)]})),
    }


def _fill(url: str, avtaler: int) -> tuple[list[str], list[str]]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_FILL, {"avtaler": avtaler, "persons": int(avtaler / _A_PERSON)})
        connection.execute("VACUUM ANALYZE avtale")
        persons = connection.execute("SELECT DISTINCT deltaker_fnr FROM avtale").fetchall()
        ids = connection.execute("SELECT avtale_id::text FROM avtale LIMIT 20000").fetchall()
    return [fnr for (fnr,) in persons], [avtale_id for (avtale_id,) in ids]


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process and its children have had."""
    process = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True)))


def _cpu_of_database(directory: Path) -> float:
    pid = int((directory / "pgdata" / "postmaster.pid").read_text().split()[0])
    return _cpu(pid)


def _records(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM lookup_log").fetchone()
    return int(row[0]) if row else 0


if __name__ == "__main__":
    lookups()
