"""`/api/v1/admin/consumer`: the state of the consumer, from the database and from its own health page."""

import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from marshmallow.fields import Nested

from datadeling.api.admin import fields
from datadeling.api.admin.blueprint import call, described, open_database, topic
from datadeling.api.admin.fields import AdminResponse
from datadeling.api.admin.replays import Replay
from datadeling.api.services import services
from datadeling.pipeline.store import FAILED_STATES


class ConsumerPartition(AdminResponse):
    """Position of the consumer on a partition."""

    partition = fields.number("Partisjonen.", 0)
    generation = fields.number("Generasjonen som offsetene tilhører.", 0)
    next_offset = fields.number("Den første som ikke er behandlet.", 4_711)
    unreadable_in_a_row = fields.number("Uleselige meldinger på rad, frem til dit.", 0)
    park_limit_reached = fields.boolean(
        "Om det er så mange at partisjonen ikke går forbi én til. Andre grunner til at den står, vet bare "
        "konsumenten: se health.",
        example=False,
    )
    historikk_fra = fields.time("Fra da av er historikken hel.")
    updated_at = fields.time("Når den sist kom videre.")


class ConsumerHealth(AdminResponse):
    """The health that the consumer reports."""

    ready = fields.boolean("Om alt er som det skal være.", example=True)
    faults = fields.strings("Det som ikke er det.", ["broker unreachable"])


class Consumer(AdminResponse):
    """The state of the consumer."""

    partitions = fields.list_of(ConsumerPartition, "Slik det står i databasen.")
    failed_messages = fields.counts(
        "Meldinger som ikke kunne leses eller lagres, etter tilstand.",
        {"new": 1, "resolved": 0, "superseded": 4, "discarded": 0},
    )
    replays = fields.list_of(Replay, "Replay som ikke er ferdige, nyeste først.")
    health = Nested(
        ConsumerHealth,
        required=True,
        allow_none=True,
        metadata={"description": "Det konsumenten i samme pod sier om seg selv; null når den ikke svarer."},
    )


@call("GET", "/consumer", Consumer)
@described(
    "adminHentKonsument",
    "Hvordan det står til med konsumenten",
    "Partisjonene, feilede meldinger og replay slik de står i databasen, og det konsumenten selv sier. "
    "Brokeren blir ikke spurt: se metrikken datadeling_consumer_lag.",
)
def show_consumer() -> dict[str, object]:
    """Show the state of the consumer."""
    name, config = topic(), services().config
    with open_database() as database, database.transaction() as tx:
        parked = {state: messages for state, messages, _ in tx.run("count_failed", topic=name)}
        offsets = tx.dicts("list_offsets", topic=name)
        unfinished = tx.replays(name, states=("requested", "running"), limit=100)
    return {
        "partitions": [
            {**at, "park_limit_reached": at["unreadable_in_a_row"] >= config.park_limit} for at in offsets
        ],
        "failed_messages": {state: parked.get(state, 0) for state in FAILED_STATES},
        "replays": unfinished,
        "health": _health(config.consumer_port),
    }


def _health(port: int) -> dict[str, object] | None:
    """Return the state on the consumer's health page; None when there is none in time."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=1.0)) as connection:
        try:
            connection.request("GET", "/internal/health/readiness")
            page = json.loads(connection.getresponse().read(64 * 1024))
        except (OSError, HTTPException, ValueError):
            return None
    match page:
        case {"status": "UP" | "DOWN" as status}:
            return {"ready": status == "UP", "faults": page.get("faults", ())}
    return None
