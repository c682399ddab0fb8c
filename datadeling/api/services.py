"""The parts of one worker's application, and how a view gets at them."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from flask import Flask, current_app

from datadeling.api.security.access import Access
from datadeling.api.security.rate_limit import RateLimit
from datadeling.api.security.tokens import Authenticator
from datadeling.config import ApiConfig
from datadeling.db.lookups import Lookups
from datadeling.metrics import ApiMetrics

_NAME = "datadeling"


class Services(NamedTuple):
    """The parts that `app.create_app` wires together."""

    config: ApiConfig
    lookups: Lookups
    authenticator: Authenticator
    access: Access
    rate_limit: RateLimit
    metrics: ApiMetrics
    now: Callable[[], datetime]


def install(app: Flask, parts: Services) -> None:
    """Make these the parts of the application."""
    app.extensions[_NAME] = parts


def services() -> Services:
    """Return the parts of the application that answers the request at hand."""
    parts: Services = current_app.extensions[_NAME]
    return parts
