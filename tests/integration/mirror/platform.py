"""The platform's part in the mirror, and the mirror as the catalogue has it."""

from typing import Any, NamedTuple

import psycopg

from tests.datastream import PUBLICATION, ROLE, SLOT, as_role

APP = "data-deling"  # a name that must be quoted

_PICTURE = {
    "publications": "SELECT pubname, puballtables, xmin::text FROM pg_publication",
    "tables of them": "SELECT prrelid::regclass::text, xmin::text FROM pg_publication_rel",
    "slots": "SELECT slot_name, database, plugin, confirmed_flush_lsn::text FROM pg_replication_slots",
    "roles": "SELECT rolname, rolreplication, xmin::text FROM pg_authid WHERE oid > 16383",
    "rights": "SELECT oid::regclass::text, relacl::text, xmin::text FROM pg_class WHERE relkind != 'i'",
    "on columns": "SELECT attrelid, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL",
    "on schemas": "SELECT nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_temp'",
    "to come": "SELECT defaclrole, defaclacl::text FROM pg_default_acl",
}


class Mirrored(NamedTuple):
    """The mirror: publications, slots, rights and roles."""

    published: list[str]
    readable: list[str]
    slots: list[tuple[str, str]]
    replicators: list[str]


class Platform:
    """Creates roles for the mirrored database, and reads the mirror from its catalogue."""

    def __init__(self, url: str, admin: psycopg.Connection) -> None:
        self.url = url
        self._admin = admin

    def add_datastream(self) -> None:
        """Create the role of Datastream."""
        self._admin.execute(f"CREATE ROLE {ROLE} LOGIN")

    def add_app(self, rights: str) -> str:
        """Create an owner of the database who is no superuser; return its URL for this user."""
        self._admin.execute(f'CREATE ROLE "{APP}" LOGIN {rights}')
        self._admin.execute(f'ALTER DATABASE mirrored OWNER TO "{APP}"')
        return as_role(self.url, APP)

    def mirrored(self) -> Mirrored:
        """Return the mirror, without the rest of the catalogue."""
        return Mirrored(
            self._names("SELECT tablename FROM pg_publication_tables WHERE pubname = %s", PUBLICATION),
            self._names(
                "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relkind IN ('r', 'p', 'v') AND has_any_column_privilege(%s, oid, 'SELECT')",
                ROLE,
            ),
            self._admin.execute("SELECT slot_name, plugin FROM pg_replication_slots").fetchall(),
            self._names("SELECT rolname FROM pg_roles WHERE rolreplication AND rolname != %s", "postgres"),
        )

    def picture(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return everything that belongs to the mirror, with the transaction that wrote it."""
        return {
            name: sorted(self._admin.execute(query).fetchall(), key=str) for name, query in _PICTURE.items()
        }

    def _names(self, query: str, value: str) -> list[str]:
        return [name for (name,) in self._admin.execute(f"{query} ORDER BY 1", (value,)).fetchall()]


COMPLETE = Mirrored(["avtale"], ["avtale"], [(SLOT, "pgoutput")], [ROLE])
"""The mirror as a superuser's migration sets it up."""
