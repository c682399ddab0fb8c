"""`/api/v1/admin/failed-messages`: what could not be read or stored, masked, and what becomes of it."""

import time
from typing import Any

from flask import Response

from datadeling.api.admin import responses as answers
from datadeling.api.admin.calls import AdminCalls, named, told
from datadeling.api.admin.requests import (
    PLACE_PATTERN,
    BegrunnelseSpoersmaal,
    DiscardSpoersmaal,
    FailedMessagesQuery,
    RetrySpoersmaal,
    place_in_address,
)
from datadeling.api.admin.rights import asked
from datadeling.api.admin.session import AdminSession
from datadeling.db.tables.operator import FailedRow
from datadeling.operations.failed import FailedMessages, Retried
from datadeling.operations.masking import cut, show_key, show_value

_RETRY_FOR = 4.0  # seconds after which a retry of all begins with no more
_ID = {
    "in": "path",
    "name": "id",
    "description": "Plassen: generasjon:partisjon:offset.",
    "schema": {"type": "string", "pattern": PLACE_PATTERN},
    "example": "0:2:4711",
}


def declare(calls: AdminCalls, desk: AdminSession) -> None:
    """Add the calls."""

    @calls.call(
        "GET",
        "/failed-messages",
        query=FailedMessagesQuery,
        answer=answers.FailedMessageList,
        errors=[404],
        operationId="adminHentFeilede",
        summary="Meldinger som ikke kunne leses eller lagres, uten innholdet",
    )
    def list_failed(query: dict[str, Any]) -> Response:
        topic = desk.topic
        with desk.database() as database:
            rows = FailedMessages(database, topic).find(
                query.get("state"), query.get("reason"), query["limit"]
            )
        return told(answers.FailedMessageList(), {"failed_messages": [_as_dict(row) for row in rows]})

    @calls.call(
        "GET",
        "/failed-messages/<id>",
        parameters=[_ID],
        answer=answers.FailedMessageDetaljer,
        errors=[404],
        operationId="adminHentFeilet",
        summary="Én av dem, med innholdet der alt som kan peke ut en person er skjult",
    )
    def show_failed(id: str) -> Response:  # noqa: A002 (its name in OpenAPI)
        return shown(id)

    @calls.call(
        "POST",
        "/failed-messages/retry",
        body=RetrySpoersmaal,
        answer=answers.RetryResultat,
        errors=[404],
        operationId="adminProevAlleIgjen",
        summary="Prøv alle som ikke er behandlet, en gang til",
        description="Etter de samme reglene som ellers: den nyeste versjonen vinner. Holder på i noen "
        "sekunder; rekker det ikke alle, sier next hvor det skal gå videre.",
    )
    def retry_all(body: dict[str, Any]) -> Response:
        topic, until = desk.topic, time.monotonic() + _RETRY_FOR
        with desk.database() as database:
            who = asked(body.get("begrunnelse"))
            messages = FailedMessages(database, topic)
            return _told_of(messages.retry_all(who, body.get("after"), lambda: time.monotonic() > until))

    @calls.call(
        "POST",
        "/failed-messages/<id>/retry",
        parameters=[_ID],
        body=BegrunnelseSpoersmaal,
        answer=answers.RetryResultat,
        errors=[404, 409],
        operationId="adminProevIgjen",
        summary="Prøv én en gang til",
        description="Svaret er 200 også når den feiler igjen: da er utfallet failed.",
    )
    def retry(body: dict[str, Any], id: str) -> Response:  # noqa: A002
        place, topic = place_in_address(id), desk.topic
        with desk.database() as database, named("feilet melding", "MELDING"):
            outcome = FailedMessages(database, topic).retry(place, asked(body.get("begrunnelse")))
        return told(answers.RetryResultat(), {"outcomes": {outcome: 1}, "left_off": None})

    @calls.call(
        "POST",
        "/failed-messages/<id>/discard",
        parameters=[_ID],
        body=DiscardSpoersmaal,
        answer=answers.FailedMessageDetaljer,
        errors=[404, 409],
        operationId="adminForkast",
        summary="Gi opp én: innholdet slettes for godt",
        description="At den var her, blir stående.",
    )
    def discard(body: dict[str, Any], id: str) -> Response:  # noqa: A002
        place, topic = place_in_address(id), desk.topic
        with desk.database() as database, named("feilet melding", "MELDING"):
            FailedMessages(database, topic).discard(place, asked(body["begrunnelse"]))
        return shown(id)

    def shown(message_id: str) -> Response:
        place, topic = place_in_address(message_id), desk.topic
        with desk.database() as database, named("feilet melding", "MELDING"):
            row, value = FailedMessages(database, topic).show(place)
        shown = {**_as_dict(row), "value": None if value is None else cut(show_value(value))}
        return told(answers.FailedMessageDetaljer(), shown)


def _as_dict(row: FailedRow) -> dict[str, Any]:
    key = None if row.key is None else cut(show_key(row.key))
    return {**row._asdict(), "id": row.place.text, "key": key}


def _told_of(retried: Retried) -> Response:
    left_off = retried.left_off.text if retried.left_off else None
    return told(answers.RetryResultat(), {"outcomes": dict(retried.outcomes), "left_off": left_off})
