"""The description of the API as a file: `python -m tools.openapi docs/openapi.json`, or `make openapi`.

It is made from the code alone: no database, no Kafka, no environment, and the same text every time.
"""

import sys
from pathlib import Path

from prometheus_client import CollectorRegistry

from datadeling.api.app import assemble
from datadeling.config import ApiConfig, EntraConfig
from datadeling.db.lookups import Lookups
from datadeling.db.pool import Pool
from datadeling.metrics import ApiMetrics

CURRENT = Path(__file__).parents[1] / "docs" / "openapi.json"
"""What the code says."""

RELEASED = CURRENT.with_name("openapi.released.json")
"""What clients have been made from."""

_NOWHERE = "postgresql://nowhere/nothing"
_NOBODY = EntraConfig("nobody", "nobody", "http://nowhere.invalid", frozenset())


def described() -> str:
    """The description, as `/api/openapi.json` answers it. Connects to nothing."""
    config = ApiConfig(_NOWHERE, _NOBODY, port=8080, consumer_port=8081)
    app = assemble(config, Lookups(Pool(_NOWHERE, 1)), ApiMetrics(CollectorRegistry()))
    return app.test_client().get("/api/openapi.json").text


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(described(), encoding="utf-8")
