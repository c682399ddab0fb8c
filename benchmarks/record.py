"""`python -m benchmarks.record`: what a lookup's record costs, and what not waiting for it would save."""

import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from signal import SIGTERM
from statistics import median
from typing import IO, NamedTuple
from urllib.parse import quote

import click
import psutil
import psycopg
from psycopg.sql import Literal
from rich.console import Console
from rich.table import Table

from datadeling.api.v1.avtale import TILTAK
from datadeling.db.lookup_sql import lookup
from datadeling.db.migrate import migrate
from datadeling.demo.commands import await_true, is_ready
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.demo.process import Child, clean_environment, free_port

AVTALER = 200_000
CLIENTS = 12  # as many as `serve` may have connections with its two workers
NO_RECORD = "SELECT answer FROM ({lookup}) AS oppslag"
NOT_WAITING = "-c synchronous_commit=off"
# Settings of the session, and whether there is a record.
NONE = "no record"
VARIANTS = {
    NONE: ("", False),
    "record, commit does not wait": (NOT_WAITING, True),
    "record, commit waits": ("", True),
}
_SERVE = """
import sys
from psycopg.sql import SQL
from datadeling.db.queries import queries
from datadeling.cli import main
if sys.argv.pop(1) == "False":
    queries["audited"] = SQL({no_record!r})
main()
"""
_FILL = """
    INSERT INTO avtale (
        avtale_id, avtale_nr, deltaker_fnr, bedrift_nr, tiltakstype, avtale_status, versjon, start_dato,
        avtale_inngaatt, godkjent_paa_vegne_av, godkjent_paa_vegne_av_arbeidsgiver, feilregistrert,
        opprettet_tidspunkt, endret_tidspunkt, generation, kafka_partition, kafka_offset,
        hendelse_tidspunkt, mottatt_tidspunkt
    )
    SELECT gen_random_uuid(), n, lpad((n / 2)::text, 11, '0'), '999999999', 'VTAO', 'GJENNOMFØRES', 1,
           current_date, now(), FALSE, FALSE, FALSE, now(), now(), 0, 0, n, now(), now()
    FROM generate_series(1, %s) AS n
"""
_PERSON = f"ARRAY[lpad((:n % {AVTALER // 2})::text, 11, '0')]"


class Round(NamedTuple):
    """What one variant did in a short time: lookups a second, and CPU time for each, in ms."""

    rate: float
    cpu: float


Measure = Callable[[str], Round]
"""Measure one of the variants."""


@click.command()
@click.option("--rounds", default=7, show_default=True, help="How often each variant is measured.")
@click.option("--seconds", default=3, show_default=True, help="How long each time.")
def record(rounds: int, seconds: int) -> None:
    """Measure lookups by fnr without a record, and with one, in turns."""
    table = Table("where", "variant", "lookups/s", "share of no record", "CPU ms each", "more than no record")
    with Console().status("Running"), EmbeddedPostgres() as server, TokenIssuer() as issuer:
        migrate(server.url)
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute(_FILL, (AVTALER,))
            connection.execute("VACUUM ANALYZE avtale")
        with _in_the_database(server, seconds) as measure:
            _add(table, "the statement alone", _in_turns(measure, rounds))
        with _over_http(server, issuer, seconds) as measure:
            _add(table, "over HTTP", _in_turns(measure, rounds))
    Console().print(table)


def _in_turns(measure: Measure, rounds: int) -> list[dict[str, Round]]:
    """Each variant in each round: other load on the machine meets all of them."""
    return [{variant: measure(variant) for variant in VARIANTS} for _ in range(rounds)]


def _add(table: Table, where: str, rounds: list[dict[str, Round]]) -> None:
    """Medians, also of the shares: each is of its own round."""
    for variant in VARIANTS:
        rate = median(each[variant].rate for each in rounds)
        share = median(each[variant].rate / each[NONE].rate for each in rounds)
        cpu = median(each[variant].cpu for each in rounds)
        more = median(each[variant].cpu - each[NONE].cpu for each in rounds)
        table.add_row(where, variant, f"{rate:,.0f}", f"{share:.2f}", f"{cpu:.2f}", f"{more:.2f}")


def _cpu(*pids: int) -> float:
    """CPU time in ms of processes and all that they have begun, also of what has ended."""
    total = 0.0
    for pid in pids:
        parent = psutil.Process(pid)
        total += sum(parent.cpu_times()[:4])
        for child in parent.children(recursive=True):
            with suppress(psutil.Error):
                total += sum(child.cpu_times()[:2])
    return total * 1_000


@contextmanager
def _in_the_database(server: EmbeddedPostgres, seconds: int) -> Iterator[Measure]:
    """PostgreSQL's own load generator, with the statement as `serve` sends it."""

    def measure(variant: str) -> Round:
        options, recorded = VARIANTS[variant]
        script = server.directory / "lookup.sql"
        script.write_text(f"\\set n random(1, {AVTALER})\n{_statement(recorded=recorded)};\n")
        before = _cpu(server.pid)
        done = subprocess.run(
            [
                str(server.programs / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1",
                "-T", str(seconds), "-f", str(script), server.url,
            ],
            env={**clean_environment(), "PGOPTIONS": options},
            stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
        found = re.search(r"actually processed: (\d+)", done.stdout)
        answered = int(found[1]) if found else 0
        return Round(answered / seconds, (_cpu(server.pid) - before) / answered)

    yield measure


def _statement(*, recorded: bool) -> str:
    """The lookup with its values written into it, all but the person's."""
    values = {
        "call_id": "0e9c0d60-2f0f-4d5f-a2a8-3f6d6d1ff3b7",
        "consumer": "22222222-bbbb-4bbb-8bbb-222222222222",
        "consumer_name": "consumer",  # pgbench sees a variable in every colon
        "nav_ident": None,
        "behandlingsnummer": ["B123"],
        "endpoint": "POST /api/v1/tiltaksstatus",
        "criteria": ["identer"],
        "felter": [felt.json for felt in TILTAK],
        "dato": "2026-11-01",
    }
    text = lookup("tiltaksstatus", TILTAK, ("by_identer", "is_tiltak", "is_shown")).single.decode()
    if not recorded:
        text = text.split("MATERIALIZED (", 1)[1].rsplit("), recorded AS (", 1)[0]
    for name in ("identer", "personer"):
        text = text.replace(f"%({name})s", _PERSON)
    for name, value in values.items():
        text = text.replace(f"%({name})s", Literal(value).as_string())
    return " ".join(text.split())


@contextmanager
def _over_http(server: EmbeddedPostgres, issuer: TokenIssuer, seconds: int) -> Iterator[Measure]:
    """A `serve` for each variant, and clients that keep their connections."""
    token = issuer.token("benchmark")
    with ExitStack() as stack:
        apis = {variant: stack.enter_context(_serve(server, issuer, variant)) for variant in VARIANTS}
        pool = stack.enter_context(ThreadPoolExecutor(CLIENTS))

        def measure(variant: str) -> Round:
            port, pid = apis[variant]
            before = _cpu(server.pid, pid)
            until = time.monotonic() + seconds
            clients = [pool.submit(_ask, port, token, until, number) for number in range(CLIENTS)]
            answered = sum(client.result() for client in clients)
            return Round(answered / seconds, (_cpu(server.pid, pid) - before) / answered)

        for variant in VARIANTS:
            measure(variant)  # warm
        yield measure


@contextmanager
def _serve(server: EmbeddedPostgres, issuer: TokenIssuer, variant: str) -> Iterator[tuple[int, int]]:
    """The port of an API, and its process."""
    options, recorded = VARIANTS[variant]
    port = free_port()
    env = {
        **clean_environment(),
        "DB_URL": f"{server.url}?options={quote(options)}" if options else server.url,
        "AZURE_APP_CLIENT_ID": "benchmark",
        "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
        "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
        "PORT": str(port),
    }
    script = _SERVE.format(no_record=NO_RECORD)
    log = server.directory / f"serve-{port}.log"
    child = Child([sys.executable, "-c", script, str(recorded), "serve"], log=log, cwd=Path.cwd(), env=env)
    try:
        await_true(lambda: is_ready(f"http://127.0.0.1:{port}"), child)
        yield port, child.pid
    finally:
        child.stop((SIGTERM, 10.0))


def _ask(port: int, token: str, until: float, seed: int) -> int:
    """How many lookups one client got answered until then."""
    answered = 0
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
        connection.makefile("rb") as back,
    ):
        while time.monotonic() < until:
            person = (seed * 7_919 + answered * 104_729) % (AVTALER // 2)
            connection.sendall(_request(token, f'{{"fnr":"{person:011d}"}}'))
            _read_answer(back)
            answered += 1
    return answered


def _request(token: str, body: str) -> bytes:
    return (
        "POST /api/v1/tiltaksstatus HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nBehandlingsnummer: B123\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _read_answer(back: IO[bytes]) -> None:
    """Raise `SystemExit` unless it is one: a refused lookup costs little, and would be counted."""
    status, length = back.readline(), 0
    while (line := back.readline()) not in {b"\r\n", b""}:
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    if b" 200 " not in status or not back.read(length).startswith(b"{"):
        raise SystemExit(f"not an answer: {status!r}")


if __name__ == "__main__":
    record()
