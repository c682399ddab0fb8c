"""A server with a database and roles, as the platform creates them."""

from collections.abc import Iterator

import psycopg
import pytest

from datadeling.demo.postgres import EmbeddedPostgres
from tests.integration.mirror.platform import Platform


@pytest.fixture
def mirrored_url(server: EmbeddedPostgres) -> str:
    """Create the database that is mirrored, empty."""
    return server.create_database("mirrored")


@pytest.fixture
def admin(mirrored_url: str) -> Iterator[psycopg.Connection]:
    """Connect to that database as the administrator of the server."""
    with psycopg.connect(mirrored_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def platform(mirrored_url: str, admin: psycopg.Connection) -> Platform:
    """Return the platform for that database."""
    return Platform(mirrored_url, admin)
