"""What goes in: the bodies and query strings of the calls of administrators, in the words of OpenAPI."""

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from datadeling.api import schemas
from datadeling.api.admin.naming import AdminBody
from datadeling.api.problems import Feil, invalid_fields
from datadeling.api.schemas import EXAMPLE_ID, EXAMPLE_TIME, Heltall, JaNei, Tekst, Tidspunkt
from datadeling.domain.hendelse import Place
from datadeling.domain.month import Month
from datadeling.operations.replay.request import Request
from datadeling.pipeline.store import FAILED_STATES

_PARTITION_PATTERN = "^(0|[1-9][0-9]{0,8})$"
_PARTITION = re.compile(_PARTITION_PATTERN)
PLACE_PATTERN = "^[0-9]{1,9}:[0-9]{1,9}:[0-9]{1,18}$"
"""Where a message stood: generation, partition and offset; as OpenAPI says it."""
_PLACE = re.compile(r"(\d{1,9}):(\d{1,9}):(\d{1,18})", re.ASCII)
_HIGHEST = 10**18
_FASTEST = 1_000_000
_LONGEST_CODE = 100
_LONGEST_CLIENT = 200
_LONGEST_REASON = 500
_BEGINNINGS: list[dict[str, Any]] = [
    {"required": ["fromBeginning"], "properties": {"fromBeginning": {"const": True}}},
    {"required": ["fromOffsets"]},
    {"required": ["fromTime"]},
]


class _Offsets(fields.Dict):
    """Offsets by partition, whose number is a text in JSON."""

    default_error_messages = {"invalid": schemas.NO_OFFSETS, "null": schemas.NOT_NULL}  # noqa: RUF012

    def __init__(self, description: str) -> None:
        rules = {"propertyNames": {"pattern": _PARTITION_PATTERN}}
        metadata = {"description": description, "example": {"0": 4711}, "minProperties": 1, "rules": rules}
        super().__init__(values=fields.Integer(validate=validate.Range(0, _HIGHEST - 1)), metadata=metadata)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> dict[int, int]:  # noqa: ANN401, ARG002
        if not isinstance(value, dict) or not value or not all(_is_offset(*item) for item in value.items()):
            raise self.make_error("invalid")
        return {int(partition): int(offset) for partition, offset in value.items()}


def _is_offset(partition: str, offset: object) -> bool:
    """A whole number may be written 1.0: to JSON it is the same."""
    whole = isinstance(offset, int) and not isinstance(offset, bool)
    whole = whole or (isinstance(offset, float) and offset.is_integer())
    return bool(_PARTITION.fullmatch(partition)) and whole and 0 <= offset < _HIGHEST  # type: ignore[operator]


class _Place(Tekst):
    """Where a message stood, as the list says it."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Place:  # type: ignore[override]  # noqa: ANN401
        place = _place(super()._deserialize(value, attr, data, **kwargs))
        if place is None:
            raise ValidationError(schemas.NO_PLACE)
        return place


def _place(text: str) -> Place | None:
    match = _PLACE.fullmatch(text)
    return Place(*map(int, match.groups())) if match else None


def place_in_address(message_id: str) -> Place:
    """A place as it stands in an address. Raise `Problem` 400."""
    place = _place(message_id)
    if place is None:
        raise invalid_fields([Feil("id", schemas.NO_PLACE)])
    return place


class _Month(Tekst):
    """A month in Oslo."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Month:  # type: ignore[override]  # noqa: ANN401
        try:
            return Month.parse(super()._deserialize(value, attr, data, **kwargs))
        except ValueError:
            raise ValidationError(schemas.NO_MONTH) from None


def _begrunnelse(*, required: bool = False) -> Tekst:
    return Tekst(
        required=required,
        # Not only blanks; OpenAPI is told the length alone.
        validate=[
            validate.Length(1, _LONGEST_REASON, error=schemas.NO_REASON),
            validate.Predicate("strip", error=schemas.NO_REASON),
        ],
        metadata={
            "description": "Hvorfor. Tas vare på; nevn ingen personer.",
            "example": "ny kolonne opphav",
        },
    )


def _limit(default: int) -> Heltall:
    return Heltall(
        load_default=default,
        validate=validate.Range(1, 1_000, error=schemas.NO_COUNT),
        error_messages={"invalid": schemas.NO_COUNT, "too_large": schemas.NO_COUNT},
        metadata={"description": "Høyst så mange.", "example": default},
    )


def _time(description: str) -> Tidspunkt:
    return Tidspunkt(
        error_messages={"null": schemas.NOT_NULL},
        metadata={"description": description, "example": EXAMPLE_TIME},
    )


class ReplaySpoersmaal(AdminBody):
    """What is to be read again; as the command `replay` takes it."""

    rules = {  # noqa: RUF012 (read by the OpenAPI plugin)
        "if": {"anyOf": _BEGINNINGS},
        "then": {"oneOf": _BEGINNINGS},
        "else": {"required": ["avtaleId"]},
    }

    from_beginning = JaNei(
        load_default=False,
        metadata={"description": "Alt som topicet har.", "example": True},
    )
    from_offsets = _Offsets("Fra denne offseten på hver partisjon, og bare disse partisjonene.")
    from_time = _time("Fra meldinger med dette tidspunktet på recordet.")
    to_offsets = _Offsets("Til denne offseten på en partisjon; den selv er ikke med.")
    to_time = _time("Til meldinger med dette tidspunktet på recordet; de selv er ikke med.")
    avtale_id = Tekst(
        metadata={
            "description": "Bare meldinger om denne avtalen. Uten from… fra begynnelsen.",
            "format": "uuid",
            "example": EXAMPLE_ID,
        }
    )
    rate = Heltall(
        strict=True,
        validate=validate.Range(1, _FASTEST, error=schemas.NO_RATE),
        error_messages={
            "invalid": schemas.NO_RATE,
            "null": schemas.NOT_NULL,
            "too_large": schemas.NO_RATE,
        },
        metadata={"description": "Høyst så mange meldinger i sekundet.", "example": 2_000},
    )
    begrunnelse = _begrunnelse()

    @validates_schema
    def _begins_once(self, body: Mapping[str, Any], **_: object) -> None:
        begins = [name for name in ("from_beginning", "from_offsets", "from_time") if body.get(name)]
        if len(begins) > 1:
            raise ValidationError(schemas.ONE_BEGINNING)
        if not begins and "avtale_id" not in body:
            raise ValidationError(schemas.NO_BEGINNING)


def request_in(body: Mapping[str, Any], avtale_id: str | None) -> Request:
    """What a valid body asks for."""
    return Request(
        from_offsets=body.get("from_offsets"),
        from_time=body.get("from_time"),
        to_offsets=body.get("to_offsets"),
        to_time=body.get("to_time"),
        avtale_id=avtale_id,
        rate=body.get("rate"),
    )


class ReplaysQuery(AdminBody):
    """How many replays to list."""

    limit = _limit(50)


class BegrunnelseSpoersmaal(AdminBody):
    """Why something is to be done, if there is something to say."""

    begrunnelse = _begrunnelse()


class DiscardSpoersmaal(AdminBody):
    """Why a message is to be given up."""

    begrunnelse = _begrunnelse(required=True)


class RetrySpoersmaal(BegrunnelseSpoersmaal):
    """Where to begin."""

    after = _Place(
        metadata={
            "description": "next i svaret før, når det ikke rakk alle. Uten: alle.",
            "pattern": PLACE_PATTERN,
            "example": "0:2:4711",
        }
    )


class FailedMessagesQuery(AdminBody):
    """Which failed messages to list."""

    state = fields.String(
        validate=validate.OneOf(FAILED_STATES, error=schemas.NO_STATE),
        metadata={"description": "Bare de i denne tilstanden.", "example": "new"},
    )
    reason = Tekst(
        validate=validate.Length(1, _LONGEST_CODE, error=schemas.INVALID),
        metadata={"description": "Bare de med denne koden.", "example": "invalid_field"},
    )
    limit = _limit(100)


class LookupsQuery(AdminBody):
    """Which lookups to tell of."""

    month = _Month(
        required=True,
        metadata={
            "description": "Måneden i Oslo.",
            "pattern": "^(19|20)[0-9]{2}-(0[1-9]|1[0-2])$",
            "example": "2026-11",
        },
    )
    consumer = Tekst(
        validate=validate.Length(1, _LONGEST_CLIENT, error=schemas.INVALID),
        metadata={"description": "Bare denne klienten (azp). Uten: alle.", "example": EXAMPLE_ID},
    )
