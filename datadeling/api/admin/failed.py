"""`/api/v1/admin/failed-messages`: messages that could not be read or stored, masked, and their handling."""

import re
import time as clock
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Response
from marshmallow import ValidationError, fields, validate

from datadeling.api import schemas as texts
from datadeling.api.admin.blueprint import action, calls, open_database, problem_if_missing, respond, topic
from datadeling.api.admin.schemas import (
    AdminRequest,
    AdminResponse,
    BegrunnelseSpoersmaal,
    begrunnelse,
    counts,
    id_parameter,
    limit,
    list_of,
    number,
    text,
    time,
)
from datadeling.api.problems import Feil, invalid_fields
from datadeling.api.schemas import EXAMPLE_ID, Tekst
from datadeling.db.tables.operator import FailedRow
from datadeling.domain.hendelse import Place
from datadeling.operations.failed import FailedMessages
from datadeling.operations.masking import cut, show_key, show_value
from datadeling.pipeline.store import FAILED_STATES

_PLACE_PATTERN = "^[0-9]{1,9}:[0-9]{1,9}:[0-9]{1,18}$"
_PLACE = re.compile(r"(\d{1,9}):(\d{1,9}):(\d{1,18})", re.ASCII)
_EXAMPLE_PLACE = "0:2:4711"
_LONGEST_CODE = 100
_RETRY_FOR = 4.0  # seconds after which a retry of all begins with no more
_ID = id_parameter(
    "Plassen: generasjon:partisjon:offset.", {"type": "string", "pattern": _PLACE_PATTERN}, _EXAMPLE_PLACE
)


class _Place(Tekst):
    """The place of a message, as in the list."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Place:  # type: ignore[override]  # noqa: ANN401
        place = _place(super()._deserialize(value, attr, data, **kwargs))
        if place is None:
            raise ValidationError(texts.NO_PLACE)
        return place


def _place(text: str) -> Place | None:
    match = _PLACE.fullmatch(text)
    return Place(*map(int, match.groups())) if match else None


def _parse_place(message_id: str) -> Place:
    """Parse a place from the address. Raise `Problem` 400."""
    place = _place(message_id)
    if place is None:
        raise invalid_fields([Feil("id", texts.NO_PLACE)])
    return place


class DiscardSpoersmaal(AdminRequest):
    """A reason."""

    begrunnelse = begrunnelse(required=True)


class RetrySpoersmaal(BegrunnelseSpoersmaal):
    """The place to continue from, and an optional reason."""

    after = _Place(
        metadata={
            "description": "next i svaret før, når det ikke rakk alle. Uten: alle.",
            "pattern": _PLACE_PATTERN,
            "example": _EXAMPLE_PLACE,
        }
    )


class FailedMessagesQuery(AdminRequest):
    """Filters of the list."""

    state = fields.String(
        validate=validate.OneOf(FAILED_STATES, error=texts.NO_STATE),
        metadata={"description": "Bare de i denne tilstanden.", "example": "new"},
    )
    reason = Tekst(
        validate=validate.Length(1, _LONGEST_CODE, error=texts.INVALID),
        metadata={"description": "Bare de med denne koden.", "example": "invalid_field"},
    )
    limit = limit(100)


class FailedMessage(AdminResponse):
    """A message that could not be read or stored."""

    id = text("Plassen: generasjon, partisjon og offset.", _EXAMPLE_PLACE)
    state = text("new, resolved, superseded eller discarded.", "new")
    reason = text("Hvorfor, som kode; nye kan komme.", "invalid_field")
    message = text("Hvorfor, uten verdier fra meldingen.", "avtaleNr: Expected `int | null`, got `str`")
    attempts = number("Hvor mange ganger det er prøvd.", 1)
    key = text("Nøkkelen når den er en avtaleId, ellers bare formen på den.", EXAMPLE_ID, allow_none=True)
    value_bytes = number("Hvor stor den er, så lenge vi har den.", 1_873, allow_none=True)
    hendelse_tidspunkt = time("Tidspunktet på recordet.")
    created_at = time("Når den ble lagt til side.")
    updated_at = time("Når noe sist skjedde med den.")


class FailedMessageList(AdminResponse):
    """A list of failed messages."""

    failed_messages = list_of(FailedMessage, "Etter generasjon, partisjon og offset.")


class FailedMessageDetaljer(FailedMessage):
    """A failed message with its content, masked."""

    value = text(
        "Innholdet. Det som kan peke ut en person er skjult, og det går ikke an å få det her.",
        '{"avtaleNr": "***", "deltakerFnr": "***", "versjon": 3}',
        allow_none=True,
    )


class RetryResultat(AdminResponse):
    """Outcomes of a retry."""

    outcomes = counts("Meldinger etter utfall; failed feilet igjen.", {"changed": 3, "failed": 1})
    next = text(
        "Når det ikke rakk alle: send den som after for å gå videre. Ellers null.",
        _EXAMPLE_PLACE,
        allow_none=True,
        attribute="left_off",
    )


@calls.call(
    "GET",
    "/failed-messages",
    query=FailedMessagesQuery,
    response=FailedMessageList,
    errors=[404],
    operationId="adminHentFeilede",
    summary="Meldinger som ikke kunne leses eller lagres, uten innholdet",
)
def list_failed(query: dict[str, Any]) -> Response:
    """List failed messages, without their values."""
    with _failed_messages() as messages:
        rows = messages.find(query.get("state"), query.get("reason"), query["limit"])
    return respond(FailedMessageList(), {"failed_messages": [_as_dict(row) for row in rows]})


@calls.call(
    "GET",
    "/failed-messages/<id>",
    parameters=[_ID],
    response=FailedMessageDetaljer,
    errors=[404],
    operationId="adminHentFeilet",
    summary="Én av dem, med innholdet der alt som kan peke ut en person er skjult",
)
def show_failed(id: str) -> Response:  # noqa: A002 (its name in OpenAPI)
    """Show one, masked."""
    place = _parse_place(id)
    with _failed_messages() as messages:
        return _respond(messages, place)


@calls.call(
    "POST",
    "/failed-messages/retry",
    body=RetrySpoersmaal,
    response=RetryResultat,
    errors=[404],
    operationId="adminProevAlleIgjen",
    summary="Prøv alle som ikke er behandlet, en gang til",
    description="Etter de samme reglene som ellers: den nyeste versjonen vinner. Holder på i noen "
    "sekunder; rekker det ikke alle, sier next hvor det skal gå videre.",
)
def retry_all(body: dict[str, Any]) -> Response:
    """Retry all, for a few seconds."""
    until = clock.monotonic() + _RETRY_FOR
    with _failed_messages() as messages:
        retried = messages.retry_all(
            action(body.get("begrunnelse")), body.get("after"), lambda: clock.monotonic() > until
        )
    left_off = retried.left_off.text if retried.left_off else None
    return respond(RetryResultat(), {"outcomes": dict(retried.outcomes), "left_off": left_off})


@calls.call(
    "POST",
    "/failed-messages/<id>/retry",
    parameters=[_ID],
    body=BegrunnelseSpoersmaal,
    response=RetryResultat,
    errors=[404, 409],
    operationId="adminProevIgjen",
    summary="Prøv én en gang til",
    description="Svaret er 200 også når den feiler igjen: da er utfallet failed.",
)
def retry(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Retry one."""
    place = _parse_place(id)
    with _failed_messages() as messages:
        outcome = messages.retry(place, action(body.get("begrunnelse")))
    return respond(RetryResultat(), {"outcomes": {outcome: 1}, "left_off": None})


@calls.call(
    "POST",
    "/failed-messages/<id>/discard",
    parameters=[_ID],
    body=DiscardSpoersmaal,
    response=FailedMessageDetaljer,
    errors=[404, 409],
    operationId="adminForkast",
    summary="Gi opp én: innholdet slettes for godt",
    description="At den var her, blir stående.",
)
def discard(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Discard one, with its value."""
    place = _parse_place(id)
    with _failed_messages() as messages:
        messages.discard(place, action(body["begrunnelse"]))
        return _respond(messages, place)


@contextmanager
def _failed_messages() -> Iterator[FailedMessages]:
    """Open the failed messages of the topic for this call. Raise `Problem`."""
    name = topic()
    with open_database() as database, problem_if_missing("feilet melding", "MELDING"):
        yield FailedMessages(database, name)


def _respond(messages: FailedMessages, place: Place) -> Response:
    row, value = messages.show(place)
    shown = {**_as_dict(row), "value": None if value is None else cut(show_value(value))}
    return respond(FailedMessageDetaljer(), shown)


def _as_dict(row: FailedRow) -> dict[str, Any]:
    key = None if row.key is None else cut(show_key(row.key))
    return {**row._asdict(), "id": row.place.text, "key": key}
