"""What comes out of the calls of administrators, in the words of OpenAPI; answers are written by it, too.

Free text is masked once more on its way out: rows can also be written by hand.
"""

from typing import Any

from marshmallow import fields

from datadeling.api.admin.naming import AdminAnswer
from datadeling.api.schemas import EXAMPLE_ID, EXAMPLE_TIME
from datadeling.log import masked_prose

_EXAMPLE_PLACE = "0:2:4711"


class _Masked(fields.String):
    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ANN401
        text: str | None = super()._serialize(value, attr, obj, **kwargs)
        return text and masked_prose(text)


def _text(description: str, example: str, **rest: Any) -> fields.String:  # noqa: ANN401
    return _Masked(required=True, metadata={"description": description, "example": example}, **rest)


def _number(description: str, example: int, **rest: Any) -> fields.Integer:  # noqa: ANN401
    return fields.Integer(required=True, metadata={"description": description, "example": example}, **rest)


def _time(description: str, **rest: Any) -> fields.DateTime:  # noqa: ANN401
    return fields.DateTime(
        required=True, metadata={"description": description, "example": EXAMPLE_TIME}, **rest
    )


def _offsets(description: str) -> fields.Dict:
    metadata = {"description": description, "example": {"0": 4711}}
    return fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, allow_none=True, metadata=metadata
    )


def _counts(description: str, example: dict[str, int]) -> fields.Dict:
    metadata = {"description": description, "example": example}
    return fields.Dict(keys=fields.String(), values=fields.Integer(), required=True, metadata=metadata)


def _list_of(schema: type[AdminAnswer], description: str) -> fields.List[Any]:
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})


class Replay(AdminAnswer):
    """A replay: what was asked for, and its state."""

    id = _number("Replayets id.", 7)
    state = _text(
        "requested (en konsument tar det), running, interrupted (prosessen er borte), stopped (kan "
        "fortsettes), done, failed (se error), cancelled.",
        "running",
        attribute="standing",
    )
    background = fields.Boolean(
        required=True,
        metadata={"description": "Om en konsument kjører det, og ikke en kommando.", "example": True},
    )
    from_offsets = _offsets("Første offset på hver partisjon, og bare disse; null for alle.")
    from_time = _time("Fra meldinger med dette tidspunktet.", allow_none=True)
    to_offsets = _offsets("Offset som det stopper før, på hver partisjon.")
    to_time = _time("Før meldinger med dette tidspunktet.", allow_none=True)
    avtale_id = _text("Bare meldinger om denne avtalen.", EXAMPLE_ID, allow_none=True)
    rate = _number("Høyst så mange meldinger i sekundet.", 2_000, allow_none=True)
    requested_by = _text("Hvem som ba om det.", "Z999999")
    begrunnelse = _text("Hvorfor.", "ny kolonne opphav", attribute="reason", allow_none=True)
    requested_at = _time("Når det ble bedt om.")
    started_at = _time("Når det begynte å lese.", allow_none=True)
    finished_at = _time("Når det tok slutt, på hvilken måte det enn var.", allow_none=True)
    error = _text("Hvorfor det feilet.", "TopicChanged: partition 0 ends at 20", allow_none=True)


class ReplayList(AdminAnswer):
    """A list of replays."""

    replays = _list_of(Replay, "Nyeste først.")


class ReplayPartition(AdminAnswer):
    """How far a replay has come on a partition."""

    partition = _number("Partisjonen.", 0)
    generation = _number("Generasjonen som offsetene tilhører.", 0)
    from_offset = _number("Der det begynte.", 0)
    next_offset = _number("Alt før denne er lest igjen.", 2_500)
    to_offset = _number("Der det slutter: høyst der konsumenten stod da det begynte.", 4_711)
    events = _number("Meldinger som er lest; offseter har hull.", 2_400)
    updated_at = _time("Når det sist kom videre.")


class ReplayTally(AdminAnswer):
    """What a replay has come to."""

    outcomes = _counts("Meldinger etter utfall.", {"changed": 12, "unchanged": 2_388})
    columns = _counts("Endrede avtaler etter kolonne.", {"opphav": 12})
    examples = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "Noen avtaleId-er etter utfall.", "example": {"changed": [EXAMPLE_ID]}},
    )


class ReplayDetaljer(Replay):
    """A replay, how far it has come, and what it has come to."""

    partitions = _list_of(ReplayPartition, "Hvor langt det er kommet; tom til det har begynt.")
    tally = fields.Nested(
        ReplayTally, required=True, metadata={"description": "Hva det er blitt til hittil."}
    )


class FailedMessage(AdminAnswer):
    """A message that could not be read or stored."""

    id = _text("Plassen: generasjon, partisjon og offset.", _EXAMPLE_PLACE)
    state = _text("new, resolved, superseded eller discarded.", "new")
    reason = _text("Hvorfor, som kode; nye kan komme.", "invalid_field")
    message = _text("Hvorfor, uten verdier fra meldingen.", "avtaleNr: Expected `int | null`, got `str`")
    attempts = _number("Hvor mange ganger det er prøvd.", 1)
    key = _text("Nøkkelen når den er en avtaleId, ellers bare formen på den.", EXAMPLE_ID, allow_none=True)
    value_bytes = _number("Hvor stor den er, så lenge vi har den.", 1_873, allow_none=True)
    hendelse_tidspunkt = _time("Tidspunktet på recordet.")
    created_at = _time("Når den ble lagt til side.")
    updated_at = _time("Når noe sist skjedde med den.")


class FailedMessageList(AdminAnswer):
    """A list of failed messages."""

    failed_messages = _list_of(FailedMessage, "Etter generasjon, partisjon og offset.")


class FailedMessageDetaljer(FailedMessage):
    """A failed message with its content, masked."""

    value = _text(
        "Innholdet. Det som kan peke ut en person er skjult, og det går ikke an å få det her.",
        '{"avtaleNr": "***", "deltakerFnr": "***", "versjon": 3}',
        allow_none=True,
    )


class RetryResultat(AdminAnswer):
    """What a retry has come to."""

    outcomes = _counts("Meldinger etter utfall; failed feilet igjen.", {"changed": 3, "failed": 1})
    next = _text(
        "Når det ikke rakk alle: send den som after for å gå videre. Ellers null.",
        _EXAMPLE_PLACE,
        allow_none=True,
        attribute="left_off",
    )


class ConsumerPartition(AdminAnswer):
    """Where the consumer stands on a partition."""

    partition = _number("Partisjonen.", 0)
    generation = _number("Generasjonen som offsetene tilhører.", 0)
    next_offset = _number("Den første som ikke er behandlet.", 4_711)
    unreadable_in_a_row = _number("Uleselige meldinger på rad, frem til dit.", 0)
    park_limit_reached = fields.Boolean(
        required=True,
        metadata={
            "description": "Om det er så mange at partisjonen ikke går forbi én til. Andre grunner til at "
            "den står, vet bare konsumenten: se health.",
            "example": False,
        },
    )
    historikk_fra = _time("Fra da av er historikken hel.")
    updated_at = _time("Når den sist kom videre.")


class ConsumerHealth(AdminAnswer):
    """What the consumer says of itself."""

    ready = fields.Boolean(
        required=True, metadata={"description": "Om alt er som det skal være.", "example": True}
    )
    faults = fields.List(
        fields.String(),
        required=True,
        metadata={"description": "Det som ikke er det.", "example": ["broker unreachable"]},
    )


class Consumer(AdminAnswer):
    """How it goes with the consumer."""

    partitions = _list_of(ConsumerPartition, "Slik det står i databasen.")
    failed_messages = _counts(
        "Meldinger som ikke kunne leses eller lagres, etter tilstand.",
        {"new": 1, "resolved": 0, "superseded": 4, "discarded": 0},
    )
    replays = _list_of(Replay, "Replay som ikke er ferdige, nyeste først.")
    health = fields.Nested(
        ConsumerHealth,
        required=True,
        allow_none=True,
        metadata={"description": "Det konsumenten i samme pod sier om seg selv; null når den ikke svarer."},
    )


def _texts(description: str, example: list[str]) -> fields.List[Any]:
    metadata = {"description": description, "example": example}
    return fields.List(fields.String(), required=True, metadata=metadata)


class Reading(AdminAnswer):
    """That a consumer has read these fields by this call, for these purposes."""

    consumer = _text("Klienten (azp).", EXAMPLE_ID)
    consumer_name = _text("Det den het sist; ikke entydig.", "prod-gcp:team:app", allow_none=True)
    endpoint = _text("Kallet.", "POST /api/v1/tiltaksstatus")
    behandlingsnummer = _texts("Formålene; ingen er mulig over GraphQL.", ["B123"])
    felter = _texts("Feltene.", ["tiltakstype", "startDato"])
    lookups = _number("Oppslag som er besvart.", 1_200)
    persons = _number("Ulike identitetsnumre.", 830)
    hits = _number("Avtaler i svarene.", 1_410)
    users = _number("Ulike brukere som klienten spurte på vegne av.", 0)
    first = _time("Det første.")
    last = _time("Det siste.")


class Lookups(AdminAnswer):
    """Who has read what in a month."""

    month = _text("Måneden i Oslo.", "2026-11")
    readings = _list_of(Reading, "Etter konsument, kall, formål og felt.")
