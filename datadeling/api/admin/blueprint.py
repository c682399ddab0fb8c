"""The calls of administrators together."""

from datadeling.api import hooks
from datadeling.api.admin import consumer, failed, lookups, replays
from datadeling.api.admin.calls import AdminCalls
from datadeling.api.admin.rights import only
from datadeling.api.admin.session import AdminSession
from datadeling.config import ApiConfig


def blueprint(config: ApiConfig) -> AdminCalls:
    """All of them. Connects to nothing until one is called."""
    calls = AdminCalls(
        "admin", __name__, description="For administratorer: tokenet må ha gruppen for det i groups."
    )
    calls.before_request(hooks.identify)
    calls.before_request(only(config.entra.admin_group))
    desk = AdminSession(config.db_url, config.topic)
    replays.declare(calls, desk)
    failed.declare(calls, desk)
    lookups.declare(calls, desk)
    consumer.declare(calls, desk, config.consumer_port, config.park_limit)
    return calls
