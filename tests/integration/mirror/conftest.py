"""A server with databases and roles as the platform makes them."""

from collections.abc import Iterator

import psycopg
import pytest

from datadeling.demo.postgres import EmbeddedPostgres
from tests.integration.mirror.platform import Platform


@pytest.fixture
def mirrored_url(server: EmbeddedPostgres) -> str:
    """The database that is mirrored; still empty."""
    return server.create_database("mirrored")


@pytest.fixture
def admin(mirrored_url: str) -> Iterator[psycopg.Connection]:
    """The administrator of the server, in that database."""
    with psycopg.connect(mirrored_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def platform(mirrored_url: str, admin: psycopg.Connection) -> Platform:
    """Create roles, and read the catalogue."""
    return Platform(mirrored_url, admin)
