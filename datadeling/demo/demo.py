"""`datadeling demo`: everything on this machine, with synthetic events and `curl` lines to try it with."""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from typing import NamedTuple

import psycopg
from confluent_kafka import Producer
from rich.console import Console
from rich.progress import Progress
from rich.syntax import Syntax

from datadeling.demo.expected import Person, expected_answer, interesting_person
from datadeling.demo.generator import Record, generate_events, siste_tilstand
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.process import Child, ServiceFailed, await_true, interruptible
from datadeling.demo.services import CLIENT_ID, Services, command, is_ready, post, running_services
from datadeling.domain.month import OSLO

TOPIC = "arbeidsgiver.tiltak-avtale-hendelse-compact"
ADMIN_GROUP = "00000000-0000-4000-8000-00000000ad31"

_SEED = 2026
_GRAPHQL = "query($p: String) { avtalerForPerson(personnummer: $p) { avtaleId tiltakstype avtaleStatus } }"


class Running(NamedTuple):
    """The services, processes, token issuer and address of a running demo."""

    services: Services
    children: Sequence[Child]
    issuer: TokenIssuer
    api: str


def run_demo(count: int, port: int, *, once: bool) -> int:
    """Start everything, send `count` events, and return the exit code.

    With `once`, look up one person over HTTP and compare the answer with the events: 0 when they agree, else
    1. Otherwise print lines to try, and block until Ctrl-C or SIGTERM. Nothing that was started is left,
    however it ends. Raises `ServiceFailed`.
    """
    console = Console(stderr=once, highlight=False)
    interruptible()
    today = datetime.now(OSLO).date()
    records = list(generate_events(count, _SEED, today))
    person = interesting_person(siste_tilstand(records), today)
    try:
        with ExitStack() as stack:
            running = _start(stack, port, console)
            _send(records, running, console)
            if once:
                return _compare(person, running, today)
            _show(console, person, running)
            await_true(lambda: False, *running.children, deadline_s=math.inf)
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left behind.")
    return 1 if once else 0


def _start(stack: ExitStack, port: int, console: Console) -> Running:
    with console.status("Starting PostgreSQL and Kafka (the first time, Kafka's jars are fetched: 43 MB)"):
        services = stack.enter_context(running_services())
        issuer = stack.enter_context(TokenIssuer())
        services.kafka.create_topic(TOPIC, config={"cleanup.policy": "compact"})
    settings = {**services.settings(TOPIC, issuer, port), "ADMIN_GROUP": ADMIN_GROUP}
    with console.status("Starting the consumer and the API"):
        children = [
            stack.enter_context(command(name, settings, services.directory)) for name in ("consume", "serve")
        ]
        addresses = [f"http://127.0.0.1:{settings[name]}" for name in ("CONSUMER_PORT", "PORT")]
        await_true(lambda: all(map(is_ready, addresses)), *children)
    return Running(services, children, issuer, addresses[1])


def _send(records: Sequence[Record], running: Running, console: Console) -> None:
    """Send the events, and block until they are stored."""
    producer = Producer({"bootstrap.servers": running.services.kafka.bootstrap_servers, "linger.ms": 20})
    with (
        Progress(console=console) as progress,
        psycopg.connect(running.services.postgres.url, autocommit=True) as connection,
    ):
        for number, record in enumerate(progress.track(records, description="Events sent"), 1):
            producer.produce(TOPIC, record.value, record.key)
            if number % 1_000 == 0:
                producer.flush()
        if producer.flush(30):
            raise ServiceFailed("the broker did not take all events")
        stored = progress.add_task("Events stored", total=len(records))

        def all_stored() -> bool:
            query = "SELECT coalesce(sum(next_offset), 0) FROM consumer_offset"
            ((done,),) = connection.execute(query).fetchall()
            progress.update(stored, completed=float(done))
            return bool(done >= len(records))

        await_true(all_stored, *running.children)


def _compare(person: Person, running: Running, today: date) -> int:
    token = running.issuer.token(CLIENT_ID)
    answer = post(f"{running.api}/api/v1/tiltaksstatus", {"fnr": person.fnr}, token)
    wanted = expected_answer(person, today)
    print(json.dumps(answer, ensure_ascii=False, indent=2))  # noqa: T201 (the answer is the output)
    if answer != wanted:
        Console(stderr=True).print("The answer is not what the events say:", json.dumps(wanted, indent=2))
    return int(answer != wanted)


def _show(console: Console, person: Person, running: Running) -> None:
    token = running.issuer.token(
        CLIENT_ID, roles=("access_as_application", "bulk"), groups=[ADMIN_GROUP], lifetime_s=12 * 3_600
    )
    services = running.services
    console.print("\n[bold]Try it[/bold] (the token lasts 12 hours, the person is synthetic):\n")
    for line in (f"TOKEN={token}", *_lines(running.api, person)):
        console.print(Syntax(line, "bash", background_color="default", word_wrap=False), soft_wrap=True)
    console.print(
        f"\nIn a browser: {running.api}/api/docs and {running.api}/graphql, with the same token.\n"
        f"PostgreSQL: {services.postgres.url}   Kafka: {services.kafka.bootstrap_servers}   topic: {TOPIC}\n"
        f"Logs: {services.directory}/*.log\n\nCtrl-C ends everything."
    )


def _lines(api: str, person: Person) -> Iterator[str]:
    """Return a line for a shell for each call."""
    avtale = person.avtaler[0]["avtaleId"]
    one = {"fnr": person.fnr}
    calls: list[tuple[str, object]] = [
        ("/api/v1/tiltaksstatus", one),
        ("/api/v1/tiltaksstatus", {**one, "felter": ["tiltakstype", "sluttDato"]}),
        ("/api/v1/tiltaksstatus/bolk", {"personer": [one, {"identer": [person.fnr]}]}),
        ("/api/v1/avtaler/sok", one),
        (f"/api/v1/avtaler/{avtale}", None),
        (f"/api/v1/avtaler/{avtale}/historikk", None),
        ("/graphql", {"query": _GRAPHQL, "variables": {"p": person.fnr}}),
        ("/api/v1/admin/consumer", None),
    ]
    headers = (
        '-H "Authorization: Bearer $TOKEN" -H "Behandlingsnummer: B123" -H "Content-Type: application/json"'
    )
    for path, body in calls:
        yield f"curl -s {api}{path} {headers}" + (f" -d '{json.dumps(body)}'" if body else "")
    yield f"curl -s {api}/internal/prometheus | grep ^datadeling"
