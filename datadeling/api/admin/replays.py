"""`/api/v1/admin/replays`: ask for one, see how it goes, stop it. A consumer runs them: adr/0013."""

import re
from typing import Any

from flask import Response

from datadeling.api.admin import responses as answers
from datadeling.api.admin.calls import AdminCalls, named, told
from datadeling.api.admin.requests import (
    BegrunnelseSpoersmaal,
    ReplaySpoersmaal,
    ReplaysQuery,
    request_in,
)
from datadeling.api.admin.rights import asked
from datadeling.api.admin.session import AdminSession
from datadeling.api.problems import Feil, invalid_fields
from datadeling.api.schemas import NO_NUMBER
from datadeling.api.v1.avtaler import parse_avtale_id
from datadeling.db.tables.replays import ReplayRow
from datadeling.operations.replay import actions as replays
from datadeling.operations.replay.jobs import Jobs
from datadeling.pipeline.tally import Tally, total

_ID = {
    "in": "path",
    "name": "id",
    "description": "Replayets id.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
    "example": 7,
}
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)


def declare(calls: AdminCalls, desk: AdminSession) -> None:
    """Add the calls."""

    @calls.call(
        "POST",
        "/replays",
        body=ReplaySpoersmaal,
        answer=answers.ReplayDetaljer,
        status=202,
        errors=[404],
        operationId="adminBestillReplay",
        summary="Les topicet eller en del av det igjen",
        description="En konsument tar det i løpet av noen sekunder, ved siden av det den ellers gjør, og "
        "skriver bare det som er annerledes. Oppgi fromBeginning, fromOffsets, fromTime eller avtaleId.",
    )
    def request_replay(body: dict[str, Any]) -> Response:
        avtale_id = parse_avtale_id(body["avtale_id"]).lower() if "avtale_id" in body else None
        topic = desk.topic
        with desk.database() as database:
            jobs = Jobs(database, topic)
            request = request_in(body, avtale_id)
            replay = replays.ask_for(jobs, request, asked(body.get("begrunnelse")), background=True)
            return _told(jobs, replay, 202)

    @calls.call(
        "GET",
        "/replays",
        query=ReplaysQuery,
        answer=answers.ReplayList,
        errors=[404],
        operationId="adminHentReplays",
        summary="Replay, nyeste først",
    )
    def list_replays(query: dict[str, Any]) -> Response:
        topic = desk.topic
        with desk.database() as database:
            rows = Jobs(database, topic).listed(query["limit"])
        return told(answers.ReplayList(), {"replays": [as_dict(row) for row in rows]})

    @calls.call(
        "GET",
        "/replays/<id>",
        parameters=[_ID],
        answer=answers.ReplayDetaljer,
        errors=[404],
        operationId="adminHentReplay",
        summary="Ett replay: tilstand, hvor langt det er kommet, hva det er blitt til",
    )
    def show_replay(id: str) -> Response:  # noqa: A002 (its name in OpenAPI)
        replay, topic = _number(id), desk.topic
        with desk.database() as database, named("replay", "REPLAY"):
            return _told(Jobs(database, topic), replay)

    @calls.call(
        "POST",
        "/replays/<id>/cancel",
        parameters=[_ID],
        body=BegrunnelseSpoersmaal,
        answer=answers.ReplayDetaljer,
        errors=[404, 409],
        operationId="adminAvbrytReplay",
        summary="Stopp et replay for godt",
        description="Hvor det enn kjøres. Det som er skrevet, blir stående, og replayet kan hentes som før.",
    )
    def cancel_replay(body: dict[str, Any], id: str) -> Response:  # noqa: A002
        replay, topic = _number(id), desk.topic
        with desk.database() as database, named("replay", "REPLAY"):
            jobs = Jobs(database, topic)
            replays.cancel(jobs, replay, asked(body.get("begrunnelse")))
            return _told(jobs, replay)


def as_dict(row: ReplayRow) -> dict[str, Any]:
    """What `answers.Replay` tells of one."""
    return {**row._asdict(), "standing": row.standing}


def _told(jobs: Jobs, replay: int, status: int = 200) -> Response:
    row, stretches = jobs.get(replay), jobs.stretches(replay)
    tally = total(Tally.from_dict(one.tally) for one in stretches)
    found = {**as_dict(row), "partitions": stretches, "tally": tally.as_dict()}
    return told(answers.ReplayDetaljer(), found, status)


def _number(given: str) -> int:
    """An id as it stands in an address. Raise `Problem` 400."""
    if not _NUMBER.fullmatch(given):
        raise invalid_fields([Feil("id", NO_NUMBER)])
    return int(given)
