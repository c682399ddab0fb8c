"""`/api/v1/admin/lookups`: who has read which fields under which purposes. To look leaves a record."""

from typing import Any

from flask import Response

from datadeling.api.admin import responses as answers
from datadeling.api.admin.calls import AdminCalls, told
from datadeling.api.admin.requests import LookupsQuery
from datadeling.api.admin.rights import asked
from datadeling.api.admin.session import AdminSession
from datadeling.operations.audit import report


def declare(calls: AdminCalls, desk: AdminSession) -> None:
    """Add the call."""

    @calls.call(
        "GET",
        "/lookups",
        query=LookupsQuery,
        answer=answers.Lookups,
        operationId="adminHentOppslagsrapport",
        summary="Hvilke konsumenter som har lest hvilke felt, for hvilke formål, i en måned",
        description="Personer telles, de nevnes ikke. At du har sett på den, tas vare på.",
    )
    def lookups_report(query: dict[str, Any]) -> Response:
        with desk.database() as database:
            readings = report(database, query.get("consumer"), query["month"], asked())
        return told(answers.Lookups(), {"month": str(query["month"]), "readings": readings})
