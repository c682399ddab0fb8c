"""The API as a process of its own, with its default settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.process import await_true, free_port
from datadeling.demo.services import CLIENT_ID, command, is_ready


class Served(NamedTuple):
    """The address of an API, its process, and the headers that a consumer sends."""

    address: str
    pid: int
    headers: dict[str, str]


@contextmanager
def api(db_url: str, directory: Path) -> Iterator[Served]:
    """Run `datadeling serve` while the block runs: tokens are checked, lookups recorded."""
    port = free_port()
    with TokenIssuer() as issuer:
        settings = {
            "DB_URL": db_url,
            "AZURE_APP_CLIENT_ID": CLIENT_ID,
            "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
            "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
            "PORT": str(port),
            "CONSUMER_PORT": str(free_port()),
        }
        address = f"http://127.0.0.1:{port}"
        token = issuer.token(CLIENT_ID, roles=("access_as_application", "bulk"))
        with command("serve", settings, directory) as serve:
            await_true(lambda: is_ready(address), serve)
            headers = {"Authorization": f"Bearer {token}", "Behandlingsnummer": "B123"}
            yield Served(address, serve.pid, headers)
