"""`/api/v1/admin/consumer`: how it goes with the consumer, as the database and it itself say."""

import json
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from flask import Response

from datadeling.api.admin import responses as answers
from datadeling.api.admin.calls import AdminCalls, told
from datadeling.api.admin.replays import as_dict
from datadeling.api.admin.session import AdminSession
from datadeling.operations.overview import overview

_TIMEOUT = 1.0  # seconds
_MOST_BYTES = 64 * 1024
_no_proxy = build_opener(ProxyHandler({}))


def declare(calls: AdminCalls, desk: AdminSession, consumer_port: int, park_limit: int) -> None:
    """Add the call."""

    @calls.call(
        "GET",
        "/consumer",
        answer=answers.Consumer,
        errors=[404],
        operationId="adminHentKonsument",
        summary="Hvordan det står til med konsumenten",
        description="Partisjonene, feilede meldinger og replay slik de står i databasen, og det konsumenten "
        "selv sier. Brokeren blir ikke spurt: se metrikken datadeling_consumer_lag.",
    )
    def show_consumer() -> Response:
        topic = desk.topic
        with desk.database() as database:
            found = overview(database, topic)
            health = _health(f"http://127.0.0.1:{consumer_port}/internal/health/readiness")
        partitions = [
            {**row._asdict(), "park_limit_reached": row.unreadable_in_a_row >= park_limit}
            for row in found.partitions
        ]
        state = {
            "partitions": partitions,
            "failed_messages": found.failed,
            "replays": [as_dict(row) for row in found.replays],
            "health": health,
        }
        return told(answers.Consumer(), state)


def _health(url: str) -> dict[str, Any] | None:
    """What the consumer's page says, or None when it cannot be had in time or is no such page."""
    try:
        with _no_proxy.open(url, timeout=_TIMEOUT) as response:
            page = json.loads(response.read(_MOST_BYTES))
    except HTTPError as error:  # which is how it says that it is not ready
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
