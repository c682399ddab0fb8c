"""The user that migrates is no superuser. A step that it may not take is logged with the statement to run."""

import psycopg
import pytest
from structlog.testing import capture_logs

from datadeling.db.migrate import known, migrate
from datadeling.demo.postgres import EmbeddedPostgres
from tests.datastream import PUBLICATION, ROLE, SLOT, as_role
from tests.integration.mirror.platform import APP, COMPLETE, Platform


def failed_steps(url: str) -> dict[str, str]:
    """Migrate, and return the failed steps with the statement to run for each."""
    with capture_logs() as logs:
        migrate(url)
    return {line["step"]: line["run"] for line in logs if line["event"] == "mirror_incomplete"}


def test_a_user_with_the_rights_sets_up_everything(platform: Platform, admin: psycopg.Connection) -> None:
    """As on CloudSQL, where the owner of the database may grant REPLICATION."""
    url = platform.add_app("CREATEROLE REPLICATION")
    platform.add_datastream()
    admin.execute(f'GRANT {ROLE} TO "{APP}" WITH ADMIN TRUE, INHERIT FALSE, SET FALSE')
    assert failed_steps(url) == {}
    assert platform.mirrored() == COMPLETE._replace(replicators=[APP, ROLE])
    picture = platform.picture()
    assert failed_steps(url) == {}
    assert platform.picture() == picture


def test_statements_for_the_administrator_complete_the_mirror(
    platform: Platform, admin: psycopg.Connection
) -> None:
    url = platform.add_app("")
    platform.add_datastream()
    first = failed_steps(url)
    assert list(first) == [f"replication of {APP}", f"replication of {ROLE}", "slot"]
    assert platform.mirrored() == COMPLETE._replace(slots=[], replicators=[])  # the rest is as it should be

    for step, remedy in first.items():
        if step != "slot":
            admin.execute(remedy)
    assert failed_steps(url) == {}  # makes the slot itself, now that it may
    assert platform.mirrored() == COMPLETE._replace(replicators=[APP, ROLE])


def test_everything_can_be_run_by_the_administrator(platform: Platform, admin: psycopg.Connection) -> None:
    url = platform.add_app("")
    platform.add_datastream()
    for remedy in failed_steps(url).values():
        admin.execute(remedy.removeprefix("end who writes for long; "))
    assert platform.mirrored() == COMPLETE._replace(replicators=[APP, ROLE])
    assert failed_steps(url) == {}


def test_rights_that_are_too_wide_are_logged(platform: Platform, admin: psycopg.Connection) -> None:
    url = platform.add_app("REPLICATION")
    migrate(url)
    admin.execute(f"CREATE ROLE {ROLE} LOGIN REPLICATION")
    admin.execute(f"CREATE PUBLICATION {PUBLICATION} FOR ALL TABLES")
    admin.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {ROLE}")
    admin.execute("CREATE TABLE somebodys (id integer)")
    said = failed_steps(url)
    assert list(said) == [
        "publication",
        "rights on somebodys",
        "rights on tables to come",
        "tables beyond the mirror",
    ]
    assert "public.somebodys" in said.pop("tables beyond the mirror")
    for remedy in said.values():
        admin.execute(remedy)
    assert failed_steps(url) == {}
    assert platform.mirrored() == COMPLETE._replace(replicators=[APP, ROLE])


def test_no_right_to_publish(platform: Platform, admin: psycopg.Connection) -> None:
    url = platform.add_app("REPLICATION")
    migrate(url)
    admin.execute("ALTER DATABASE mirrored OWNER TO postgres")
    admin.execute(f"CREATE ROLE {ROLE} LOGIN REPLICATION")
    said = failed_steps(url)
    assert list(said) == ["publication"]
    admin.execute(said["publication"])
    assert failed_steps(url) == {}


def test_datastream_can_sign_in_and_read_nothing_else(platform: Platform, admin: psycopg.Connection) -> None:
    platform.add_datastream()
    migrate(platform.url)
    with psycopg.connect(as_role(platform.url, ROLE), autocommit=True) as datastream:
        assert datastream.execute("SELECT count(*) FROM avtale").fetchone() == (0,)
        names = admin.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname != 'avtale'"
        ).fetchall()
        assert len(names) > 20
        for (name,) in names:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                datastream.execute(f"SELECT FROM {name}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            datastream.execute("DELETE FROM avtale")


def test_migrations_succeed_without_any_right_on_the_mirror(
    server: EmbeddedPostgres, platform: Platform
) -> None:
    """The consumer must start also without a mirror."""
    url = platform.add_app("")
    platform.add_datastream()
    with psycopg.connect(server.url, autocommit=True) as other:
        other.execute("SELECT pg_create_physical_replication_slot(%s)", (SLOT,))
    assert migrate(url) == known()
