"""The mirror is set up by every migration, whenever the role comes, and is never wider than `avtale`."""

import psycopg
import pytest

from datadeling.db import mirror
from datadeling.db.connection import connect
from datadeling.db.lookup_log import create_months
from datadeling.db.migrate import migrate
from datadeling.db.transaction import Transaction
from datadeling.demo.postgres import EmbeddedPostgres
from datadeling.domain.avtale import COLUMNS
from tests.datastream import SLOT
from tests.integration.mirror.platform import COMPLETE, Platform


def set_up(url: str) -> list[str]:
    """Set the mirror up and return the failed steps."""
    with connect(url, application="test") as connection:
        return mirror.set_up(connection, wait_for_writers=0.2)


def test_without_the_role_nothing_is_done(platform: Platform) -> None:
    migrate(platform.url)
    picture = platform.picture()
    assert picture["publications"] == []
    assert picture["slots"] == []
    assert set_up(platform.url) == []
    assert platform.picture() == picture


def test_with_the_role_from_the_beginning(platform: Platform) -> None:
    platform.add_datastream()
    migrate(platform.url)
    assert platform.mirrored() == COMPLETE
    assert set_up(platform.url) == []


def test_the_role_comes_later(platform: Platform) -> None:
    migrate(platform.url)
    platform.add_datastream()
    assert migrate(platform.url) == []
    assert platform.mirrored() == COMPLETE


def test_a_complete_mirror_is_not_written_again(platform: Platform) -> None:
    platform.add_datastream()
    migrate(platform.url)
    picture = platform.picture()
    migrate(platform.url)
    assert platform.picture() == picture


def test_in_another_schema(platform: Platform, admin: psycopg.Connection) -> None:
    admin.execute("CREATE SCHEMA app")
    platform.add_datastream()
    migrate(f"{platform.url}?options=-csearch_path%3Dapp")
    ((published,),) = admin.execute(
        "SELECT schemaname || '.' || tablename FROM pg_publication_tables"
    ).fetchall()
    assert published == "app.avtale"
    admin.execute("SET ROLE datastream")
    assert admin.execute("SELECT count(*) FROM app.avtale").fetchone() == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("FOR ALL TABLES", id="all tables"),
        pytest.param("FOR TABLES IN SCHEMA public", id="all tables of the schema"),
        pytest.param("FOR TABLES IN SCHEMA other", id="a schema that is still empty"),
        pytest.param("FOR TABLE avtale, TABLES IN SCHEMA other", id="and a schema that is still empty"),
        pytest.param("FOR TABLE avtale, failed_message", id="one too many"),
        pytest.param("FOR TABLE lookup_log", id="another one"),
        pytest.param("FOR TABLE avtale (avtale_id, versjon)", id="some columns"),
        pytest.param(
            "FOR TABLE avtale WHERE (avtale_id > '80000000-0000-0000-0000-000000000000')", id="some rows"
        ),
        pytest.param("FOR TABLE avtale WITH (publish = 'insert, update')", id="no deletes"),
        pytest.param("", id="none"),
    ],
)
def test_a_publication_of_other_tables_is_replaced(
    platform: Platform, admin: psycopg.Connection, wrong: str
) -> None:
    migrate(platform.url)
    platform.add_datastream()
    admin.execute("CREATE SCHEMA other")
    admin.execute(f"CREATE PUBLICATION ds_publication {wrong}")
    migrate(platform.url)
    admin.execute("CREATE TABLE other.later (id integer PRIMARY KEY)")
    assert platform.mirrored() == COMPLETE
    published = admin.execute("SELECT attnames, rowfilter FROM pg_publication_tables").fetchall()
    assert [(set(names), condition) for names, condition in published] == [({*COLUMNS}, None)]
    assert admin.execute("SELECT pubdelete FROM pg_publication").fetchone() == (True,)


RECIPE = """
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO datastream;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO datastream;
    ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO datastream;
    GRANT UPDATE ON avtale TO datastream;
    GRANT SELECT (deltaker_fnr) ON avtale_historikk TO datastream;
    CREATE PUBLICATION ds_publication FOR ALL TABLES;
"""


def test_rights_on_all_tables_are_narrowed(platform: Platform, admin: psycopg.Connection) -> None:
    """Many set a mirror up by hand, with rights on all tables and on those to come."""
    migrate(platform.url)
    platform.add_datastream()
    admin.execute(RECIPE)
    assert len(platform.mirrored().readable) > 20
    migrate(platform.url)
    assert platform.mirrored() == COMPLETE
    assert platform.picture()["to come"] == []
    rights = [acl for name, acl, _ in platform.picture()["rights"] if name == "avtale"]
    assert rights[0].count("datastream=") == 1
    assert "datastream=r/" in rights[0]


def test_a_month_created_later_cannot_be_read(platform: Platform, admin: psycopg.Connection) -> None:
    migrate(platform.url)
    platform.add_datastream()
    admin.execute(RECIPE)
    migrate(platform.url)
    with connect(platform.url, application="test") as connection, connection.transaction():
        ((later,),) = connection.execute("SELECT now() + interval '3 years'").fetchall()
        assert len(create_months(Transaction(connection), later)) == 12
    assert platform.mirrored().readable == ["avtale"]


def test_rights_inherited_from_another_role_are_logged(platform: Platform, admin: psycopg.Connection) -> None:
    platform.add_datastream()
    migrate(platform.url)
    admin.execute("GRANT pg_read_all_data TO datastream")
    assert set_up(platform.url) == ["tables beyond the mirror"]
    admin.execute("REVOKE pg_read_all_data FROM datastream")
    admin.execute("GRANT SELECT ON failed_message TO PUBLIC")
    assert set_up(platform.url) == ["tables beyond the mirror"]
    admin.execute("REVOKE ALL ON failed_message FROM PUBLIC")
    assert set_up(platform.url) == []


def test_the_identity_is_the_key(platform: Platform, admin: psycopg.Connection) -> None:
    """Datastream takes no other from a table with a primary key. Of a deleted row only the key leaves."""
    migrate(platform.url)
    query = "SELECT relreplident::text FROM pg_class WHERE oid = 'avtale'::regclass"
    assert admin.execute(query).fetchall() == [("d",)]


def test_a_slot_of_another_database_is_logged(platform: Platform, server: EmbeddedPostgres) -> None:
    platform.add_datastream()
    with psycopg.connect(server.url, autocommit=True) as other:
        other.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (SLOT,))
    migrate(platform.url)
    assert set_up(platform.url) == ["slot"]
    assert platform.mirrored() == COMPLETE


def test_a_slot_of_another_kind_is_logged(platform: Platform, admin: psycopg.Connection) -> None:
    platform.add_datastream()
    admin.execute("SELECT pg_create_physical_replication_slot(%s)", (SLOT,))
    migrate(platform.url)
    assert set_up(platform.url) == ["slot"]
