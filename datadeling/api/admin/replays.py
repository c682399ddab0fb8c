"""`/api/v1/admin/replays`: request a replay, follow it, cancel it. A consumer runs them: adr/0013."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Response
from marshmallow import ValidationError, fields, validate, validates_schema

from datadeling.api import schemas as texts
from datadeling.api.admin.blueprint import action, calls, open_database, problem_if_missing, respond, topic
from datadeling.api.admin.schemas import (
    AdminRequest,
    AdminResponse,
    BegrunnelseSpoersmaal,
    begrunnelse,
    boolean,
    counts,
    described,
    id_parameter,
    limit,
    list_of,
    nested,
    number,
    text,
    time,
)
from datadeling.api.problems import Feil, invalid_fields
from datadeling.api.schemas import EXAMPLE_ID, EXAMPLE_TIME, Heltall, JaNei, Tekst, Tidspunkt
from datadeling.api.v1.avtaler import parse_avtale_id
from datadeling.db.tables.replays import ReplayRow
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.pipeline.tally import Tally, total

_PARTITION_PATTERN = "^(0|[1-9][0-9]{0,8})$"
_PARTITION = re.compile(_PARTITION_PATTERN)
_HIGHEST = 10**18
_FASTEST = 1_000_000
_BEGINNINGS: list[dict[str, Any]] = [
    {"required": ["fromBeginning"], "properties": {"fromBeginning": {"const": True}}},
    {"required": ["fromOffsets"]},
    {"required": ["fromTime"]},
]
_ID = id_parameter("Replayets id.", {"type": "integer", "minimum": 1, "maximum": _HIGHEST - 1}, 7)
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


class _Offsets(fields.Dict):
    """Offsets by partition, whose number is a text in JSON."""

    default_error_messages = {"invalid": texts.NO_OFFSETS, "null": texts.NOT_NULL}  # noqa: RUF012

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


def _bound(description: str) -> Tidspunkt:
    return Tidspunkt(
        error_messages={"null": texts.NOT_NULL},
        metadata={"description": description, "example": EXAMPLE_TIME},
    )


class ReplaySpoersmaal(AdminRequest):
    """The range to read again, with the options of the command `replay`."""

    rules = {  # noqa: RUF012 (read by the OpenAPI plugin)
        "if": {"anyOf": _BEGINNINGS},
        "then": {"oneOf": _BEGINNINGS},
        "else": {"required": ["avtaleId"]},
    }

    from_beginning = JaNei(
        load_default=False, metadata={"description": "Alt som topicet har.", "example": True}
    )
    from_offsets = _Offsets("Fra denne offseten på hver partisjon, og bare disse partisjonene.")
    from_time = _bound("Fra meldinger med dette tidspunktet på recordet.")
    to_offsets = _Offsets("Til denne offseten på en partisjon; den selv er ikke med.")
    to_time = _bound("Til meldinger med dette tidspunktet på recordet; de selv er ikke med.")
    avtale_id = Tekst(
        metadata={
            "description": "Bare meldinger om denne avtalen. Uten from… fra begynnelsen.",
            "format": "uuid",
            "example": EXAMPLE_ID,
        }
    )
    rate = Heltall(
        strict=True,
        validate=validate.Range(1, _FASTEST, error=texts.NO_RATE),
        error_messages={"invalid": texts.NO_RATE, "null": texts.NOT_NULL, "too_large": texts.NO_RATE},
        metadata={"description": "Høyst så mange meldinger i sekundet.", "example": 2_000},
    )
    begrunnelse = begrunnelse()

    @validates_schema
    def _begins_once(self, body: Mapping[str, Any], **_: object) -> None:
        begins = [name for name in ("from_beginning", "from_offsets", "from_time") if body.get(name)]
        if len(begins) > 1:
            raise ValidationError(texts.ONE_BEGINNING)
        if not begins and "avtale_id" not in body:
            raise ValidationError(texts.NO_BEGINNING)


class ReplaysQuery(AdminRequest):
    """The length of the list."""

    limit = limit(50)


class Replay(AdminResponse):
    """A replay: its range and its state."""

    id = number("Replayets id.", 7)
    state = text(
        "requested (en konsument tar det), running, interrupted (prosessen er borte), stopped (kan "
        "fortsettes), done, failed (se error), cancelled.",
        "running",
        attribute="standing",
    )
    background = boolean("Om en konsument kjører det, og ikke en kommando.", example=True)
    from_offsets = counts(
        "Første offset på hver partisjon, og bare disse; null for alle.", {"0": 4711}, allow_none=True
    )
    from_time = time("Fra meldinger med dette tidspunktet.", allow_none=True)
    to_offsets = counts("Offset som det stopper før, på hver partisjon.", {"0": 4711}, allow_none=True)
    to_time = time("Før meldinger med dette tidspunktet.", allow_none=True)
    avtale_id = text("Bare meldinger om denne avtalen.", EXAMPLE_ID, allow_none=True)
    rate = number("Høyst så mange meldinger i sekundet.", 2_000, allow_none=True)
    requested_by = text("Hvem som ba om det.", "Z999999")
    begrunnelse = text("Hvorfor.", "ny kolonne opphav", attribute="reason", allow_none=True)
    requested_at = time("Når det ble bedt om.")
    started_at = time("Når det begynte å lese.", allow_none=True)
    finished_at = time("Når det tok slutt, på hvilken måte det enn var.", allow_none=True)
    error = text("Hvorfor det feilet.", "TopicChanged: partition 0 ends at 20", allow_none=True)


class ReplayList(AdminResponse):
    """A list of replays."""

    replays = list_of(Replay, "Nyeste først.")


class ReplayPartition(AdminResponse):
    """Progress of a replay on a partition."""

    partition = number("Partisjonen.", 0)
    generation = number("Generasjonen som offsetene tilhører.", 0)
    from_offset = number("Der det begynte.", 0)
    next_offset = number("Alt før denne er lest igjen.", 2_500)
    to_offset = number("Der det slutter: høyst der konsumenten stod da det begynte.", 4_711)
    events = number("Meldinger som er lest; offseter har hull.", 2_400)
    updated_at = time("Når det sist kom videre.")


class ReplayTally(AdminResponse):
    """Outcomes of a replay."""

    outcomes = counts("Meldinger etter utfall.", {"changed": 12, "unchanged": 2_388})
    columns = counts("Endrede avtaler etter kolonne.", {"opphav": 12})
    examples = fields.Dict(
        fields.String(),
        fields.List(fields.String()),
        **described("Noen avtaleId-er etter utfall.", {"changed": [EXAMPLE_ID]}),
    )


class ReplayDetaljer(Replay):
    """A replay with its progress and outcomes."""

    partitions = list_of(ReplayPartition, "Hvor langt det er kommet; tom til det har begynt.")
    tally = nested(ReplayTally, "Hva det er blitt til hittil.")


@calls.call(
    "POST",
    "/replays",
    body=ReplaySpoersmaal,
    response=ReplayDetaljer,
    status=202,
    errors=[404],
    operationId="adminBestillReplay",
    summary="Les topicet eller en del av det igjen",
    description="En konsument tar det i løpet av noen sekunder, ved siden av det den ellers gjør, og "
    "skriver bare det som er annerledes. Oppgi fromBeginning, fromOffsets, fromTime eller avtaleId.",
)
def request_replay(body: dict[str, Any]) -> Response:
    """Request a replay; a consumer runs it."""
    bounds = {name: body[name] for name in Request._fields if name in body}
    if "avtale_id" in bounds:
        bounds["avtale_id"] = parse_avtale_id(bounds["avtale_id"]).lower()
    request = Request(**bounds)
    with _jobs() as jobs:
        replay = jobs.add(request, action(body.get("begrunnelse")), background=True)
        return _respond(jobs, replay, 202)


@calls.call(
    "GET",
    "/replays",
    query=ReplaysQuery,
    response=ReplayList,
    errors=[404],
    operationId="adminHentReplays",
    summary="Replay, nyeste først",
)
def list_replays(query: dict[str, Any]) -> Response:
    """List replays, newest first."""
    with _jobs() as jobs:
        rows = jobs.listed(query["limit"])
    return respond(ReplayList(), {"replays": [as_dict(row) for row in rows]})


@calls.call(
    "GET",
    "/replays/<id>",
    parameters=[_ID],
    response=ReplayDetaljer,
    errors=[404],
    operationId="adminHentReplay",
    summary="Ett replay: tilstand, hvor langt det er kommet, hva det er blitt til",
)
def show_replay(id: str) -> Response:  # noqa: A002 (its name in OpenAPI)
    """Show one replay."""
    replay = _parse_id(id)
    with _jobs() as jobs:
        return _respond(jobs, replay)


@calls.call(
    "POST",
    "/replays/<id>/cancel",
    parameters=[_ID],
    body=BegrunnelseSpoersmaal,
    response=ReplayDetaljer,
    errors=[404, 409],
    operationId="adminAvbrytReplay",
    summary="Stopp et replay for godt",
    description="Hvor det enn kjøres. Det som er skrevet, blir stående, og replayet kan hentes som før.",
)
def cancel_replay(body: dict[str, Any], id: str) -> Response:  # noqa: A002
    """Cancel a replay for good."""
    replay = _parse_id(id)
    with _jobs() as jobs:
        jobs.cancel(replay, action(body.get("begrunnelse")))
        return _respond(jobs, replay)


def as_dict(row: ReplayRow) -> dict[str, Any]:
    """Return the fields of `Replay`."""
    return {**row._asdict(), "standing": row.standing}


@contextmanager
def _jobs() -> Iterator[Jobs]:
    """Open the replays of the topic for this call. Raise `Problem`."""
    name = topic()
    with open_database() as database, problem_if_missing("replay", "REPLAY"):
        yield Jobs(database, name)


def _respond(jobs: Jobs, replay: int, status: int = 200) -> Response:
    row, partitions = jobs.get(replay), jobs.partitions(replay)
    tally = total(Tally.from_dict(one.tally) for one in partitions)
    found = {**as_dict(row), "partitions": partitions, "tally": tally.as_dict()}
    return respond(ReplayDetaljer(), found, status)


def _parse_id(text: str) -> int:
    """Parse an id from the address. Raise `Problem` 400."""
    if not _NUMBER.fullmatch(text):
        raise invalid_fields([Feil("id", texts.NO_NUMBER)])
    return int(text)
