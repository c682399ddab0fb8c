"""The API as the process that it is, and a bare route under the same gunicorn."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGTERM
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import urlopen

from benchmarks import bare
from datadeling.config import api_config
from datadeling.demo.commands import await_true, command, is_ready
from datadeling.demo.issuer import TokenIssuer
from datadeling.demo.process import Child, clean_environment, free_port

CLIENT_ID = "00000000-0000-4000-8000-00000000d474"


class Served(NamedTuple):
    """Where something answers, its process, and how many workers that has."""

    address: str
    pid: int
    workers: int


@contextmanager
def api(db_url: str, issuer: TokenIssuer, directory: Path) -> Iterator[Served]:
    """`datadeling serve` while the block runs, with its own defaults: tokens checked, lookups recorded."""
    port = free_port()
    settings = {
        "DB_URL": db_url,
        "AZURE_APP_CLIENT_ID": CLIENT_ID,
        "AZURE_OPENID_CONFIG_ISSUER": issuer.issuer,
        "AZURE_OPENID_CONFIG_JWKS_URI": issuer.jwks_uri,
        "PORT": str(port),
        "CONSUMER_PORT": str(free_port()),
    }
    with command("serve", settings, directory) as serve:
        address = f"http://127.0.0.1:{port}"
        await_true(lambda: is_ready(address), serve)
        yield Served(address, serve.pid, api_config({**os.environ, **settings}).workers)


def headers(issuer: TokenIssuer) -> dict[str, str]:
    """What a consumer sends with each lookup."""
    return {"Authorization": f"Bearer {issuer.token(CLIENT_ID)}", "Behandlingsnummer": "B123"}


@contextmanager
def bare_route(directory: Path, workers: int, *, stock: bool = False) -> Iterator[Served]:
    """The bare route while the block runs, with so many workers, and as many threads as ours.

    With `stock` these are gunicorn's own.
    """
    port = free_port()
    child = Child(
        [sys.executable, "-m", "benchmarks.bare", str(port), str(workers), *(["--stock"] if stock else [])],
        log=directory / ("stock.log" if stock else "bare.log"),
        cwd=Path.cwd(),
        env=clean_environment("GUNICORN_"),
    )
    address = f"http://127.0.0.1:{port}"
    try:
        await_true(lambda: _answers(address), child)
        yield Served(f"{address}{bare.PATH}", child.pid, workers)
    finally:
        child.stop((SIGTERM, 10.0))


def _answers(address: str) -> bool:
    try:
        urlopen(address, timeout=2).close()
    except HTTPError:
        return True
    except OSError:
        return False
    return True
