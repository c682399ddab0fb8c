"""`/api/v1/admin/failed-messages`: messages that could not be read or stored, masked, and their handling."""

from functools import partial
from typing import Any

from marshmallow.fields import String
from marshmallow.validate import OneOf

from datadeling.api import texts
from datadeling.api.admin import fields
from datadeling.api.admin.blueprint import action, call, described, open_resource
from datadeling.api.admin.fields import AdminRequest, AdminResponse, BegrunnelseSpoersmaal, Parsed
from datadeling.api.schemas import EXAMPLE_ID
from datadeling.domain.hendelse import Place
from datadeling.operations.failed import FailedMessages, Retried
from datadeling.operations.masking import cut, show_key, show_value
from datadeling.pipeline.store import FAILED_STATES

_EXAMPLE_PLACE = "0:2:4711"
_PLACE = "[0-9]{1,9}:[0-9]{1,9}:[0-9]{1,18}"
_RETRY_FOR = 4.0  # seconds after which a retry of all begins with no more
_failed_messages = partial(open_resource, FailedMessages, "feilet melding", "MELDING")


def _place(description: str, **rest: object) -> Parsed:
    metadata = {"description": description, **rest, "example": _EXAMPLE_PLACE}
    return Parsed(_PLACE, Place.parse, texts.NO_PLACE, metadata=metadata)


_ID = _place("Plassen: generasjon:partisjon:offset.", schema={"type": "string", "pattern": f"^{_PLACE}$"})

DiscardSpoersmaal = AdminRequest.from_dict(
    {"begrunnelse": fields.begrunnelse(required=True)}, name="DiscardSpoersmaal"
)


class RetrySpoersmaal(BegrunnelseSpoersmaal):
    """The place to continue from, and an optional reason."""

    after = _place("next i svaret før, når det ikke rakk alle. Uten: alle.")


class FailedMessagesQuery(AdminRequest):
    """Filters of the list."""

    state = fields.create(
        String, "Bare de i denne tilstanden.", "new", validate=OneOf(FAILED_STATES, error=texts.NO_STATE)
    )
    reason = fields.short_text("Bare de med denne koden.", "invalid_field", 100)
    limit = fields.limit(100)


class FailedMessage(AdminResponse):
    """A message that could not be read or stored."""

    id = fields.text("Plassen: generasjon, partisjon og offset.", _EXAMPLE_PLACE)
    state = fields.text("new, resolved, superseded eller discarded.", "new")
    reason = fields.text("Hvorfor, som kode; nye kan komme.", "invalid_field")
    message = fields.text(
        "Hvorfor, uten verdier fra meldingen.", "avtaleNr: Expected `int | null`, got `str`"
    )
    attempts = fields.number("Hvor mange ganger det er prøvd.", 1)
    key = fields.text(
        "Nøkkelen når den er en avtaleId, ellers bare formen på den.", EXAMPLE_ID, allow_none=True
    )
    value_bytes = fields.number("Hvor stor den er, så lenge vi har den.", 1_873, allow_none=True)
    hendelse_tidspunkt = fields.time("Tidspunktet på recordet.")
    created_at = fields.time("Når den ble lagt til side.")
    updated_at = fields.time("Når noe sist skjedde med den.")


FailedMessageList = AdminResponse.from_dict(
    {"failed_messages": fields.list_of(FailedMessage, "Etter generasjon, partisjon og offset.")},
    name="FailedMessageList",
)


class FailedMessageDetaljer(FailedMessage):
    """A failed message with its content, masked."""

    value = fields.text(
        "Innholdet. Det som kan peke ut en person er skjult, og det går ikke an å få det her.",
        '{"avtaleNr": "***", "deltakerFnr": "***", "versjon": 3}',
        allow_none=True,
    )


class RetryResultat(AdminResponse):
    """Outcomes of a retry."""

    outcomes = fields.counts("Meldinger etter utfall; failed feilet igjen.", {"changed": 3, "failed": 1})
    next = fields.text(
        "Når det ikke rakk alle: send den som after for å gå videre. Ellers null.",
        _EXAMPLE_PLACE,
        allow_none=True,
        attribute="left_off.text",
        dump_default=None,
    )


@call("GET", "/failed-messages", FailedMessageList, query=FailedMessagesQuery)
@described("adminHentFeilede", "Meldinger som ikke kunne leses eller lagres, uten innholdet")
def list_failed(query: dict[str, Any]) -> dict[str, object]:
    """List failed messages, without their values."""
    with _failed_messages() as messages:
        rows = messages.find(query.get("state"), query.get("reason"), query["limit"])
    return {"failed_messages": [_masked(row) for row in rows]}


@call("GET", "/failed-messages/<id>", FailedMessageDetaljer, id=_ID)
@described("adminHentFeilet", "Én av dem, med innholdet der alt som kan peke ut en person er skjult")
def show_failed(place: Place) -> dict[str, object]:
    """Show one, masked."""
    with _failed_messages() as messages:
        return _masked(messages.show(place))


@call("POST", "/failed-messages/retry", RetryResultat, body=RetrySpoersmaal)
@described(
    "adminProevAlleIgjen",
    "Prøv alle som ikke er behandlet, en gang til",
    "Etter de samme reglene som ellers: den nyeste versjonen vinner. Holder på i noen sekunder; rekker det "
    "ikke alle, sier next hvor det skal gå videre.",
)
def retry_all(body: dict[str, Any]) -> Retried:
    """Retry all, for a few seconds."""
    with _failed_messages() as messages:
        return messages.retry_all(action(body.get("begrunnelse")), body.get("after"), _RETRY_FOR)


@call("POST", "/failed-messages/<id>/retry", RetryResultat, body=BegrunnelseSpoersmaal, id=_ID)
@described(
    "adminProevIgjen",
    "Prøv én en gang til",
    "Svaret er 200 også når den feiler igjen: da er utfallet failed.",
)
def retry(body: dict[str, Any], place: Place) -> dict[str, object]:
    """Retry one."""
    with _failed_messages() as messages:
        return {"outcomes": {messages.retry(place, action(body.get("begrunnelse"))): 1}}


@call("POST", "/failed-messages/<id>/discard", FailedMessageDetaljer, body=DiscardSpoersmaal, id=_ID)
@described("adminForkast", "Gi opp én: innholdet slettes for godt", "At den var her, blir stående.")
def discard(body: dict[str, Any], place: Place) -> dict[str, object]:
    """Discard one, with its value."""
    with _failed_messages() as messages:
        messages.discard(place, action(body["begrunnelse"]))
        return _masked(messages.show(place))


def _masked(row: dict[str, Any]) -> dict[str, object]:
    key, value = row["key"], row.get("value")
    return {
        **row,
        "key": None if key is None else cut(show_key(key)),
        "value": None if value is None else cut(show_value(value)),
    }
