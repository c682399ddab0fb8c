"""Removing the mirror, also one set up by hand, but not while its slot is being read."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from datadeling.db.migrate import migrate, remove_mirror
from datadeling.demo.postgres import EmbeddedPostgres, programs
from datadeling.errors import Busy, MigrationFailed
from tests.datastream import PUBLICATION, ROLE, SLOT, as_role
from tests.integration.mirror.platform import APP, COMPLETE, Mirrored, Platform
from tests.waiting import wait_until

NOTHING = Mirrored([], [], [], [])
EVERYTHING = [
    "slot ds_replication",
    "publication ds_publication",
    "rights of datastream",
    "replication of datastream",
]


def test_removal_leaves_nothing(platform: Platform, admin: psycopg.Connection) -> None:
    platform.add_datastream()
    migrate(platform.url)
    assert remove_mirror(platform.url) == EVERYTHING
    assert platform.mirrored() == NOTHING
    assert remove_mirror(platform.url) == []
    admin.execute(f"DROP ROLE {ROLE}")  # refused while it has any right


def test_a_mirror_set_up_by_hand_is_removed(platform: Platform, admin: psycopg.Connection) -> None:
    platform.add_datastream()
    admin.execute("CREATE TABLE avtale_2 (id integer PRIMARY KEY)")
    admin.execute(f"""
        CREATE PUBLICATION {PUBLICATION} FOR ALL TABLES;
        GRANT USAGE ON SCHEMA public TO {ROLE};
        GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE};
        ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {ROLE};
    """)
    assert remove_mirror(platform.url) == EVERYTHING[1:3]  # a database without any migration
    admin.execute(f"DROP ROLE {ROLE}")


def test_without_the_role_slot_and_publication_are_removed(
    platform: Platform, admin: psycopg.Connection
) -> None:
    platform.add_datastream()
    migrate(platform.url)
    admin.execute(f"DROP OWNED BY {ROLE}")
    admin.execute(f"DROP ROLE {ROLE}")
    assert remove_mirror(platform.url) == EVERYTHING[:2]
    assert platform.picture()["publications"] == []


def test_nothing_to_remove(platform: Platform) -> None:
    assert remove_mirror(platform.url) == []
    migrate(platform.url)
    assert remove_mirror(platform.url) == []


def test_it_can_be_set_up_again(platform: Platform) -> None:
    platform.add_datastream()
    migrate(platform.url)
    remove_mirror(platform.url)
    migrate(platform.url)
    assert platform.mirrored() == COMPLETE


def test_a_slot_that_is_being_read_is_left_alone(platform: Platform, admin: psycopg.Connection) -> None:
    platform.add_datastream()
    migrate(platform.url)
    with reading(as_role(platform.url, ROLE)):
        wait_until(lambda: active(admin), "the slot is being read")
        with pytest.raises(Busy, match="end the stream first"):
            remove_mirror(platform.url)
        assert platform.mirrored() == COMPLETE
    wait_until(lambda: not active(admin), "the server has seen it go")
    assert remove_mirror(platform.url) == EVERYTHING


@contextmanager
def reading(url: str) -> Iterator[None]:
    """Read the slot in another process until the block ends."""
    command = [
        str(programs() / "pg_recvlogical"),
        f"--dbname={url}",
        f"--slot={SLOT}",
        "--start",
        "--file=-",
    ]
    options = ("-o", "proto_version=1", "-o", f"publication_names={PUBLICATION}")
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as reader:
        try:
            yield
        finally:
            reader.terminate()


def active(admin: psycopg.Connection) -> bool:
    return admin.execute("SELECT active FROM pg_replication_slots").fetchall() == [(True,)]


def test_a_slot_of_another_database_is_left_alone(platform: Platform, server: EmbeddedPostgres) -> None:
    platform.add_datastream()
    with psycopg.connect(server.url, autocommit=True) as other:
        other.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (SLOT,))
    migrate(platform.url)
    assert remove_mirror(platform.url) == EVERYTHING[1:]
    assert platform.mirrored() == NOTHING._replace(slots=[(SLOT, "pgoutput")])


def test_a_user_without_the_right_removes_nothing(platform: Platform, admin: psycopg.Connection) -> None:
    url = platform.add_app("")
    platform.add_datastream()
    admin.execute(f'ALTER ROLE "{APP}" REPLICATION')
    admin.execute(f"ALTER ROLE {ROLE} REPLICATION")
    migrate(url)
    admin.execute(f'ALTER ROLE "{APP}" NOREPLICATION')
    with pytest.raises(MigrationFailed, match=r"there is still: slot ds_replication$"):
        remove_mirror(url)
    assert platform.mirrored() == COMPLETE  # a slot without its publication would keep WAL for nobody
    admin.execute("SELECT pg_drop_replication_slot(%s)", (SLOT,))
    with pytest.raises(MigrationFailed, match=f"there is still: replication of {ROLE}$"):
        remove_mirror(url)
    assert platform.mirrored() == NOTHING._replace(replicators=[ROLE])
