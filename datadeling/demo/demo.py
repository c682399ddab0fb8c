"""`datadeling demo`: everything on this machine, with synthetic events and `curl` lines to try it with."""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date, datetime
from typing import NamedTuple

import psycopg
from confluent_kafka import Producer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.syntax import Syntax

from datadeling.demo.commands import await_true, command, is_ready, post
from datadeling.demo.expected import Person, expected_answer, interesting_person
from datadeling.demo.generator import HendelseGenerator, Record, siste_tilstand
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.process import Child, ServiceFailed, free_port, interruptible
from datadeling.demo.services import Services
from datadeling.domain.month import OSLO

TOPIC = "arbeidsgiver.tiltak-avtale-hendelse-compact"
CLIENT_ID = "00000000-0000-4000-8000-00000000d474"

ADMIN_GROUP = "00000000-0000-4000-8000-00000000ad31"

_SEED = 2026
_POLL_S = 0.1
_LIFETIME_S = 12 * 3_600  # of the token
_GRAPHQL = "query($p: String) { avtalerForPerson(personnummer: $p) { avtaleId tiltakstype avtaleStatus } }"


class Running(NamedTuple):
    """The addresses of a running demo, its issuer and its processes."""

    api: str
    consumer: str
    db_url: str
    brokers: str
    issuer: TokenIssuer
    children: Sequence[Child]


def run_demo(count: int, port: int, *, once: bool) -> int:
    """Start everything, send `count` events, and return the exit code.

    With `once`, look up one person over HTTP and compare the answer with the events: 0 when they agree, else
    1. Otherwise print lines to try, and block until Ctrl-C or SIGTERM. Nothing that was started is left,
    however it ends. Raises `ServiceFailed` or `KafkaJarsRefused`.
    """
    console = Console(stderr=once, highlight=False)
    with interruptible():
        try:
            with ExitStack() as stack:
                return _run(stack, console, count, port, once=once)
        except KeyboardInterrupt:
            console.print("Stopped; nothing is left behind.")
            return 0 if not once else 1


def _run(stack: ExitStack, console: Console, count: int, port: int, *, once: bool) -> int:
    with console.status("Starting PostgreSQL and Kafka (the first time, Kafka's jars are fetched: 43 MB)"):
        services = stack.enter_context(Services())
        issuer = stack.enter_context(TokenIssuer())
    today = datetime.now(OSLO).date()
    records = list(HendelseGenerator(_SEED, today).hendelser(count))
    running = _start(stack, services, issuer, port, console)
    with _progress(console) as progress:
        _send(records, running.brokers, progress)
        _await_stored(len(records), running, progress)
    person = interesting_person(siste_tilstand(records), today)
    if once:
        return _compare(person, running, today)
    _show(console, person, running)
    _wait(running.children)
    return 0


def _start(stack: ExitStack, services: Services, issuer: TokenIssuer, port: int, console: Console) -> Running:
    services.kafka.create_topic(TOPIC, config={"cleanup.policy": "compact"})
    consumer_port = free_port()
    settings = {
        "KAFKA_BROKERS": services.kafka.bootstrap_servers,
        "KAFKA_TOPIC": TOPIC,
        "KAFKA_GROUP_ID": "datadeling-demo",
        "DB_URL": services.postgres.url,
        "CONSUMER_PORT": str(consumer_port),
        "PORT": str(port),
        "AZURE_APP_CLIENT_ID": CLIENT_ID,
        "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
        "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
        "ADMIN_GROUP": ADMIN_GROUP,
    }
    api, consumer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{consumer_port}"
    with console.status("Starting the consumer and the API"):
        children = [
            stack.enter_context(command(name, settings, services.directory)) for name in ("consume", "serve")
        ]
        await_true(lambda: is_ready(consumer) and is_ready(api), *children)
    return Running(api, consumer, services.postgres.url, services.kafka.bootstrap_servers, issuer, children)


def _send(records: Sequence[Record], brokers: str, progress: Progress) -> None:
    sent = progress.add_task("Events sent", total=len(records))
    producer = Producer({"bootstrap.servers": brokers, "linger.ms": 20})
    for number, record in enumerate(records, 1):
        producer.produce(TOPIC, record.value, record.key)
        if number % 1_000 == 0:
            producer.flush()
            progress.update(sent, completed=number)
    if producer.flush(30):
        raise ServiceFailed("the broker did not take all events")
    progress.update(sent, completed=len(records))


def _await_stored(count: int, running: Running, progress: Progress) -> None:
    stored = progress.add_task("Events stored", total=count)

    def all_stored() -> bool:
        done = _stored(running.db_url)
        progress.update(stored, completed=done)
        return done >= count

    await_true(all_stored, *running.children)


def _stored(db_url: str) -> int:
    with psycopg.connect(db_url) as connection:
        row = connection.execute("SELECT coalesce(sum(next_offset), 0) FROM consumer_offset").fetchone()
    return int(row[0]) if row else 0


def _compare(person: Person, running: Running, today: date) -> int:
    answer = post(f"{running.api}/api/v1/tiltaksstatus", {"fnr": person.fnr}, running.issuer.token(CLIENT_ID))
    wanted = expected_answer(person, today)
    print(json.dumps(answer, ensure_ascii=False, indent=2))  # noqa: T201 (the answer is the output)
    if answer == wanted:
        return 0
    Console(stderr=True).print(
        "[red]The answer is not what the events say:[/red]", json.dumps(wanted, indent=2)
    )
    return 1


def _show(console: Console, person: Person, running: Running) -> None:
    console.print("\n[bold]Try it[/bold] (the token lasts 12 hours, the person is synthetic):\n")
    for line in _lines(running.api, person, _token(running.issuer)):
        console.print(Syntax(line, "bash", background_color="default", word_wrap=False), soft_wrap=True)
    console.print(f"\nIn a browser: {running.api}/api/docs and {running.api}/graphql, with the same token.")
    console.print(f"PostgreSQL: {running.db_url}   Kafka: {running.brokers}   topic: {TOPIC}")
    console.print(f"Logs: {running.children[0].log.parent}/*.log\n\nCtrl-C ends everything.")


def _token(issuer: TokenIssuer) -> str:
    """Return a token of an application with every right."""
    return issuer.token(
        CLIENT_ID,
        roles=("access_as_application", "bulk"),
        groups=[ADMIN_GROUP],
        lifetime_s=_LIFETIME_S,
    )


def _lines(api: str, person: Person, token: str) -> Sequence[str]:
    """Return lines for a shell, the one with the token first."""
    avtale = person.avtaler[0]["avtaleId"]
    headers = (
        '-H "Authorization: Bearer $TOKEN" -H "Behandlingsnummer: B123" -H "Content-Type: application/json"'
    )

    def get(path: str) -> str:
        return f"curl -s {api}{path} {headers}"

    def post(path: str, body: object) -> str:
        return f"{get(path)} -d '{json.dumps(body)}'"

    one = {"fnr": person.fnr}
    return [
        f"TOKEN={token}",
        post("/api/v1/tiltaksstatus", one),
        post("/api/v1/tiltaksstatus", {**one, "felter": ["tiltakstype", "sluttDato"]}),
        post("/api/v1/tiltaksstatus/bolk", {"personer": [one, {"identer": [person.fnr]}]}),
        post("/api/v1/avtaler/sok", one),
        get(f"/api/v1/avtaler/{avtale}"),
        get(f"/api/v1/avtaler/{avtale}/historikk"),
        post("/graphql", {"query": _GRAPHQL, "variables": {"p": person.fnr}}),
        get("/api/v1/admin/consumer"),
        f"curl -s {api}/internal/prometheus | grep ^datadeling",
    ]


def _wait(children: Sequence[Child]) -> None:
    while True:
        for child in children:
            if child.poll() is not None:
                raise ServiceFailed(f"{child.log.stem} ended:\n{child.log_tail()}")
        time.sleep(_POLL_S)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )
