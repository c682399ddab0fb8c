"""`/api/v1/admin/consumer`: the state of the consumer, from the database and from its own health page."""

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from flask import Response

from datadeling.api.admin.blueprint import calls, open_database, respond, topic
from datadeling.api.admin.replays import Replay, as_dict
from datadeling.api.admin.schemas import (
    AdminResponse,
    boolean,
    counts,
    list_of,
    nested,
    number,
    strings,
    time,
)
from datadeling.api.services import services
from datadeling.pipeline.store import FAILED_STATES

_UNFINISHED = ("requested", "running")
_MOST_REPLAYS = 100
_TIMEOUT = 1.0  # seconds
_MOST_BYTES = 64 * 1024
_no_proxy = build_opener(ProxyHandler({}))


class ConsumerPartition(AdminResponse):
    """Position of the consumer on a partition."""

    partition = number("Partisjonen.", 0)
    generation = number("Generasjonen som offsetene tilhører.", 0)
    next_offset = number("Den første som ikke er behandlet.", 4_711)
    unreadable_in_a_row = number("Uleselige meldinger på rad, frem til dit.", 0)
    park_limit_reached = boolean(
        "Om det er så mange at partisjonen ikke går forbi én til. Andre grunner til at den står, vet bare "
        "konsumenten: se health.",
        example=False,
    )
    historikk_fra = time("Fra da av er historikken hel.")
    updated_at = time("Når den sist kom videre.")


class ConsumerHealth(AdminResponse):
    """The health that the consumer reports."""

    ready = boolean("Om alt er som det skal være.", example=True)
    faults = strings("Det som ikke er det.", ["broker unreachable"])


class Consumer(AdminResponse):
    """The state of the consumer."""

    partitions = list_of(ConsumerPartition, "Slik det står i databasen.")
    failed_messages = counts(
        "Meldinger som ikke kunne leses eller lagres, etter tilstand.",
        {"new": 1, "resolved": 0, "superseded": 4, "discarded": 0},
    )
    replays = list_of(Replay, "Replay som ikke er ferdige, nyeste først.")
    health = nested(
        ConsumerHealth,
        "Det konsumenten i samme pod sier om seg selv; null når den ikke svarer.",
        allow_none=True,
    )


@calls.call(
    "GET",
    "/consumer",
    response=Consumer,
    errors=[404],
    operationId="adminHentKonsument",
    summary="Hvordan det står til med konsumenten",
    description="Partisjonene, feilede meldinger og replay slik de står i databasen, og det konsumenten "
    "selv sier. Brokeren blir ikke spurt: se metrikken datadeling_consumer_lag.",
)
def show_consumer() -> Response:
    """Show the state of the consumer."""
    name, config = topic(), services().config
    with open_database() as database, database.transaction() as tx:
        parked = tx.parking.count(name)
        offsets = tx.operator.offsets(name)
        unfinished = tx.replays.listed(name, _MOST_REPLAYS, states=_UNFINISHED)
    state = {
        "partitions": [
            {**row._asdict(), "park_limit_reached": row.unreadable_in_a_row >= config.park_limit}
            for row in offsets
        ],
        "failed_messages": {s: parked[s].messages if s in parked else 0 for s in FAILED_STATES},
        "replays": [as_dict(row) for row in unfinished],
        "health": _health(f"http://127.0.0.1:{config.consumer_port}/internal/health/readiness"),
    }
    return respond(Consumer(), state)


def _health(url: str) -> dict[str, Any] | None:
    """Return the state on the consumer's health page; None when there is none in time."""
    try:
        with _no_proxy.open(url, timeout=_TIMEOUT) as response:
            page = json.loads(response.read(_MOST_BYTES))
    except HTTPError as error:  # the status of a page that reports faults
        try:
            with error:
                page = json.loads(error.read(_MOST_BYTES))
        except (OSError, HTTPException, ValueError, RecursionError):
            return None
    except (OSError, HTTPException, ValueError, RecursionError):
        return None
    if not isinstance(page, dict) or page.get("status") not in {"UP", "DOWN"}:
        return None
    return {"ready": page["status"] == "UP", "faults": [str(fault) for fault in page.get("faults", ())]}
