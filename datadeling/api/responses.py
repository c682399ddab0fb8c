"""Responses: JSON that is ready to send, and the headers of every response."""

from collections.abc import Mapping

from flask import Flask, Response

SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",  # answers hold personal data: nobody on the way keeps them
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


class Json(Response):
    """JSON text, sent as it is with status 200."""

    default_mimetype = "application/json"


def register(app: Flask) -> None:
    """Add the security headers to every response of the application."""
    app.after_request(_secure)


def _secure(response: Response) -> Response:
    own = {name for name, _ in response.headers}
    response.headers.extend([each for each in SECURITY_HEADERS.items() if each[0] not in own])
    return response
