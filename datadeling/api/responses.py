"""How answers leave: JSON that is ready goes out as it is, and every answer gets the headers of all answers.

What Werkzeug does for any answer in general was a tenth of what Python does for a lookup.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Response

from datadeling.api.security.headers import SECURITY_HEADERS

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from werkzeug.datastructures import Headers

_SECURITY_HEADERS = list(SECURITY_HEADERS.items())


class Json(Response):
    """JSON that is there already, answered with 200. Its length is known; it has no address to correct."""

    default_mimetype = "application/json"

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> "Headers":  # noqa: ARG002 (as Werkzeug has it)
        """The headers as they are."""
        return self.headers


def secured(application: "WSGIApplication") -> "WSGIApplication":
    """The application, with what every answer says to browsers and caches, unless it has said so itself."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:  # noqa: ANN401
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Callable[[bytes], object]:  # noqa: ANN401
            own = {name for name, _ in headers}
            added = _SECURITY_HEADERS
            if not own.isdisjoint(SECURITY_HEADERS):
                added = [each for each in _SECURITY_HEADERS if each[0] not in own]
            return start_response(status, headers + added, *error)

        return application(environ, start)

    return answer
