"""Error responses: RFC 9457 `application/problem+json`, in Norwegian, with a stable `kode`.

None of them repeats a value, or the name of an unknown property: a request can hold personal data, and
callers log the errors that they receive.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import structlog
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from datadeling.api.headers import call_id
from datadeling.errors import DatabaseBug, DatabaseUnavailable, DatadelingError, UnstorableRow
from datadeling.log import frames

MEDIA_TYPE = "application/problem+json"
UGYLDIGE_FELT = "UGYLDIGE_FELT"
"""The `kode` of a request with fields that cannot be accepted."""

_RETRY_AFTER = 1  # seconds

log = structlog.get_logger(__name__)


class Kind(NamedTuple):
    """A status with its `kode` and texts when nothing more is known."""

    kode: str
    title: str
    detail: str


KINDS: Mapping[int, Kind] = {
    400: Kind("UGYLDIG_FORESPOERSEL", "Ugyldig forespørsel", "Forespørselen kan ikke leses."),
    401: Kind("UGYLDIG_TOKEN", "Ikke autentisert", "Kallet trenger et gyldig token fra Entra ID."),
    403: Kind("INGEN_TILGANG", "Ingen tilgang", "Klienten har ikke tilgang til dette kallet."),
    404: Kind("FINNES_IKKE", "Finnes ikke", "Adressen finnes ikke."),
    405: Kind("METODE_IKKE_TILLATT", "Metoden er ikke tillatt", "Se headeren Allow."),
    409: Kind("KONFLIKT", "Konflikt", "Det som kallet gjelder, er ikke lenger i en tilstand for det."),
    413: Kind("FOR_STOR", "For stor forespørsel", "Kroppen kan være på høyst 64 kB, for bolk 512 kB."),
    415: Kind("FEIL_INNHOLDSTYPE", "Feil innholdstype", "Kroppen må være application/json, ukomprimert."),
    429: Kind("FOR_MANGE_KALL", "For mange kall", "Prøv igjen om litt, se headeren Retry-After."),
    500: Kind("INTERN_FEIL", "Intern feil", "Noe gikk galt hos oss. Oppgi traceId når du melder fra."),
    503: Kind("UTILGJENGELIG", "Utilgjengelig nå", "Prøv igjen om litt, se headeren Retry-After."),
}


class Feil(NamedTuple):
    """An error in one field of a request. `felt` is None when it is no field of ours."""

    felt: str | None
    melding: str


class Problem(Exception):
    """Raised to answer the request with a problem. `members` are added to its body."""

    def __init__(
        self,
        status: int,
        *,
        kode: str | None = None,
        detail: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        **members: Any,  # noqa: ANN401 (whatever JSON can say)
    ) -> None:
        kind = KINDS.get(status) or Kind(f"HTTP_{status}", "Feil", "Forespørselen ble ikke godtatt.")
        super().__init__(kode or kind.kode)
        self.status = status
        self.headers = [*headers]
        self.body = {
            "type": "about:blank",
            "title": kind.title,
            "status": status,
            "detail": detail or kind.detail,
            "kode": kode or kind.kode,
            **members,
        }


def invalid_fields(feil: Iterable[Feil]) -> Problem:
    """Return the problem of a request that could be read, but not accepted."""
    return Problem(
        400,
        kode=UGYLDIGE_FELT,
        detail="Forespørselen har feil, se feltet feil.",
        feil=[f._asdict() for f in feil],
    )


def unavailable(kode: str, retry_after: int = _RETRY_AFTER) -> Problem:
    """Return a 503 with the seconds until the caller may retry."""
    return Problem(503, kode=kode, headers=[("Retry-After", str(retry_after))])


def register(app: Flask) -> None:
    """Answer every error of the application as a problem."""
    app.register_error_handler(Problem, answer)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DatabaseUnavailable, _database_unavailable)
    app.register_error_handler(DatabaseBug, _refused)
    app.register_error_handler(UnstorableRow, _refused)
    app.register_error_handler(Exception, _unexpected)


def answer(problem: Problem) -> Response:
    """Return the response to the call at hand."""
    body = json.dumps({**problem.body, "traceId": call_id()}, ensure_ascii=False)
    return Response(body, problem.status, problem.headers, content_type=MEDIA_TYPE)


def _http(error: HTTPException) -> Response:
    """Answer an error of Flask or Werkzeug: no route, wrong method, too large. Keep its headers (Allow)."""
    headers = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    return answer(Problem(error.code or 500, headers=headers))


def _database_unavailable(_: DatabaseUnavailable) -> Response:
    return answer(unavailable("DATABASE_UTILGJENGELIG"))


def _refused(error: DatadelingError) -> Response:
    """Answer a lookup that the database refused, or whose audit record it refused: without one no answer."""
    log.error("lookup_refused", error=type(error).__qualname__, cause=str(error))
    return answer(unavailable("OPPSLAG_AVVIST"))


def _unexpected(error: Exception) -> Response:
    """Log the frames, but not the text of a library's error, which may quote values. Ours does not."""
    cause = str(error) if isinstance(error, DatadelingError) else None
    log.error("unexpected_error", error=type(error).__qualname__, cause=cause, at=frames(error))
    return answer(Problem(500))
