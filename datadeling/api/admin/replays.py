"""`/api/v1/admin/replays`: request a replay, follow it, cancel it. A consumer runs them: adr/0013."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from marshmallow import ValidationError, validate, validates_schema
from marshmallow.fields import Dict, List, Nested, String

from datadeling.api import texts
from datadeling.api.admin import fields
from datadeling.api.admin.blueprint import action, call, described, open_resource
from datadeling.api.admin.fields import AdminRequest, AdminResponse, BegrunnelseSpoersmaal, Parsed
from datadeling.api.schemas import EXAMPLE_ID, EXAMPLE_TIME, JaNei, Tekst, Tidspunkt
from datadeling.api.v1.avtaler import parse_avtale_id
from datadeling.operations.replay.jobs import Jobs, Request
from datadeling.pipeline.tally import Tally

_HIGHEST = 10**18 - 1
_PARTITION = "(0|[1-9][0-9]{0,8})"
_BEGINNINGS = [
    {"required": ["fromBeginning"], "properties": {"fromBeginning": {"const": True}}},
    {"required": ["fromOffsets"]},
    {"required": ["fromTime"]},
]
_RULES = {"if": {"anyOf": _BEGINNINGS}, "then": {"oneOf": _BEGINNINGS}, "else": {"required": ["avtaleId"]}}
_RANGE = {"type": "integer", "minimum": 1, "maximum": _HIGHEST}
_ABOUT_ID = {"description": "Replayets id.", "schema": _RANGE, "example": 7}
_ID = Parsed("[1-9][0-9]{0,17}", int, texts.NO_NUMBER, metadata=_ABOUT_ID)
_rate = partial(fields.whole_number, 1, 1_000_000, texts.NO_RATE, strict=True)
_jobs = partial(open_resource, Jobs, "replay", "REPLAY")


def _offsets(description: str) -> Dict:
    """Create a field with offsets by partition, whose number is a text in JSON."""
    rules = {"propertyNames": {"pattern": f"^{_PARTITION}$"}}
    return Dict(
        Parsed(_PARTITION, int, texts.NO_OFFSETS),
        fields.whole_number(0, _HIGHEST, texts.NO_OFFSETS, strict=True),
        validate=validate.Predicate("keys", error=texts.NO_OFFSETS),  # at least one
        error_messages={"invalid": texts.NO_OFFSETS, "null": texts.NOT_NULL},
        metadata={"description": description, "example": {"0": 4711}, "minProperties": 1, "rules": rules},
    )


_bound = partial(fields.create, Tidspunkt, example=EXAMPLE_TIME, error_messages={"null": texts.NOT_NULL})


class ReplaySpoersmaal(AdminRequest):
    """The range to read again, with the options of the command `replay`."""

    rules = _RULES

    from_beginning = fields.create(JaNei, "Alt som topicet har.", example=True, load_default=False)
    from_offsets = _offsets("Fra denne offseten på hver partisjon, og bare disse partisjonene.")
    from_time = _bound("Fra meldinger med dette tidspunktet på recordet.")
    to_offsets = _offsets("Til denne offseten på en partisjon; den selv er ikke med.")
    to_time = _bound("Til meldinger med dette tidspunktet på recordet; de selv er ikke med.")
    avtale_id = Tekst(
        metadata={
            "description": "Bare meldinger om denne avtalen. Uten from… fra begynnelsen.",
            "format": "uuid",
            "example": EXAMPLE_ID,
        }
    )
    rate = fields.create(_rate, "Høyst så mange meldinger i sekundet.", 2_000)
    begrunnelse = fields.begrunnelse()

    @validates_schema
    def _begins_once(self, body: Mapping[str, Any], **_: object) -> None:
        begins = [name for name in ("from_beginning", "from_offsets", "from_time") if body.get(name)]
        if len(begins) > 1:
            raise ValidationError(texts.ONE_BEGINNING)
        if not begins and "avtale_id" not in body:
            raise ValidationError(texts.NO_BEGINNING)


ReplaysQuery = AdminRequest.from_dict({"limit": fields.limit(50)}, name="ReplaysQuery")


class Replay(AdminResponse):
    """A replay: its range and its state."""

    id = fields.number("Replayets id.", 7)
    state = fields.text(
        "requested (en konsument tar det), running, interrupted (prosessen er borte), stopped (kan "
        "fortsettes), done, failed (se error), cancelled.",
        "running",
        attribute="standing",
    )
    background = fields.boolean("Om en konsument kjører det, og ikke en kommando.", example=True)
    from_offsets = fields.counts(
        "Første offset på hver partisjon, og bare disse; null for alle.", {"0": 4711}, allow_none=True
    )
    from_time = fields.time("Fra meldinger med dette tidspunktet.", allow_none=True)
    to_offsets = fields.counts("Offset som det stopper før, på hver partisjon.", {"0": 4711}, allow_none=True)
    to_time = fields.time("Før meldinger med dette tidspunktet.", allow_none=True)
    avtale_id = fields.text("Bare meldinger om denne avtalen.", EXAMPLE_ID, allow_none=True)
    rate = fields.number("Høyst så mange meldinger i sekundet.", 2_000, allow_none=True)
    requested_by = fields.text("Hvem som ba om det.", "Z999999")
    begrunnelse = fields.text("Hvorfor.", "ny kolonne opphav", attribute="reason", allow_none=True)
    requested_at = fields.time("Når det ble bedt om.")
    started_at = fields.time("Når det begynte å lese.", allow_none=True)
    finished_at = fields.time("Når det tok slutt, på hvilken måte det enn var.", allow_none=True)
    error = fields.text("Hvorfor det feilet.", "TopicChanged: partition 0 ends at 20", allow_none=True)


ReplayList = AdminResponse.from_dict({"replays": fields.list_of(Replay, "Nyeste først.")}, name="ReplayList")


class ReplayPartition(AdminResponse):
    """Progress of a replay on a partition."""

    partition = fields.number("Partisjonen.", 0)
    generation = fields.number("Generasjonen som offsetene tilhører.", 0)
    from_offset = fields.number("Der det begynte.", 0)
    next_offset = fields.number("Alt før denne er lest igjen.", 2_500)
    to_offset = fields.number("Der det slutter: høyst der konsumenten stod da det begynte.", 4_711)
    events = fields.number("Meldinger som er lest; offseter har hull.", 2_400)
    updated_at = fields.time("Når det sist kom videre.")


class ReplayTally(AdminResponse):
    """Outcomes of a replay."""

    outcomes = fields.counts("Meldinger etter utfall.", {"changed": 12, "unchanged": 2_388})
    columns = fields.counts("Endrede avtaler etter kolonne.", {"opphav": 12})
    examples = fields.answer(
        partial(Dict, String, List(String)), "Noen avtaleId-er etter utfall.", {"changed": [EXAMPLE_ID]}
    )


class ReplayDetaljer(Replay):
    """A replay with its progress and outcomes."""

    partitions = fields.list_of(ReplayPartition, "Hvor langt det er kommet; tom til det har begynt.")
    tally = Nested(ReplayTally, required=True, metadata={"description": "Hva det er blitt til hittil."})


@call("POST", "/replays", ReplayDetaljer, body=ReplaySpoersmaal, status=202)
@described(
    "adminBestillReplay",
    "Les topicet eller en del av det igjen",
    "En konsument tar det i løpet av noen sekunder, ved siden av det den ellers gjør, og skriver bare det "
    "som er annerledes. Oppgi fromBeginning, fromOffsets, fromTime eller avtaleId.",
)
def request_replay(body: dict[str, Any]) -> dict[str, object]:
    """Request a replay; a consumer runs it."""
    bounds = {name: body[name] for name in Request._fields if name in body}
    if "avtale_id" in bounds:
        bounds["avtale_id"] = parse_avtale_id(bounds["avtale_id"]).lower()
    with _jobs() as jobs:
        replay = jobs.add(Request(**bounds), action(body.get("begrunnelse")), background=True)
        return _in_full(jobs, replay)


@call("GET", "/replays", ReplayList, query=ReplaysQuery)
@described("adminHentReplays", "Replay, nyeste først")
def list_replays(query: dict[str, Any]) -> dict[str, object]:
    """List replays, newest first."""
    with _jobs() as jobs:
        return {"replays": jobs.listed(query["limit"])}


@call("GET", "/replays/<id>", ReplayDetaljer, id=_ID)
@described("adminHentReplay", "Ett replay: tilstand, hvor langt det er kommet, hva det er blitt til")
def show_replay(replay: int) -> dict[str, object]:
    """Show one replay."""
    with _jobs() as jobs:
        return _in_full(jobs, replay)


@call("POST", "/replays/<id>/cancel", ReplayDetaljer, body=BegrunnelseSpoersmaal, id=_ID)
@described(
    "adminAvbrytReplay",
    "Stopp et replay for godt",
    "Hvor det enn kjøres. Det som er skrevet, blir stående, og replayet kan hentes som før.",
)
def cancel_replay(body: dict[str, Any], replay: int) -> dict[str, object]:
    """Cancel a replay for good."""
    with _jobs() as jobs:
        jobs.cancel(replay, action(body.get("begrunnelse")))
        return _in_full(jobs, replay)


def _in_full(jobs: Jobs, replay: int) -> dict[str, object]:
    row, partitions = jobs.get(replay), jobs.partitions(replay)
    tally = sum((Tally.from_dict(one.tally) for one in partitions), Tally())
    return {**row._asdict(), "standing": row.standing, "partitions": partitions, "tally": tally.as_dict()}
