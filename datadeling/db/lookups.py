"""Lookups of the API: one statement each, which builds the JSON and writes the record of the lookup."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import lru_cache

from datadeling.db.coalesce import Coalescer, Statement
from datadeling.db.lookup_sql import Fields, Shape, lookup
from datadeling.db.pool import Pool
from datadeling.db.queries import queries
from datadeling.domain.search import AuditContext, Search

_CRITERIA = (
    "identer", "bedrift_nr", "tiltakstype", "avtale_status", "avtale_id", "avtale_nr", "fom", "tom", "marker",
)  # fmt: skip
_OF_VERSIONS = ("by_avtale_id", "is_still_shown")
_PING = queries["ping"].as_bytes()


class Lookups:
    """The lookups, over one process's connections.

    Every method returns JSON as it goes to the consumer; the record is in `lookup_log` by then. Raises
    `DatabaseUnavailable` when there is no answer in time, `UnstorableRow` or `DatabaseBug` when the database
    refuses; then there is no answer, and no record.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._coalescer = Coalescer(pool)

    def tiltaksstatus(
        self,
        context: AuditContext,
        identer: Sequence[str],
        dato: date,
        felter: Fields,
        tidspunkt: datetime | None,
    ) -> str:
        """Return the tiltak of a person on that day, before and after it, as known at `tidspunkt`."""
        search = Search(identer=identer, tidspunkt=tidspunkt)
        return str(self._run("tiltaksstatus", context, search, felter, is_tiltak=True, dato=dato))

    def tiltaksstatus_bolk(
        self,
        context: AuditContext,
        personer: Sequence[Sequence[str] | str],
        dato: date,
        felter: Fields,
        tidspunkt: datetime | None,
    ) -> str:
        """Return the same for many persons, in their order. A text is an answer already: JSON."""
        pairs = [
            (nr, ident)
            for nr, person in enumerate(personer, 1)
            if not isinstance(person, str)
            for ident in dict.fromkeys(person)
        ]
        answer = self._run(
            "tiltaksstatus_bolk",
            context,
            Search(tidspunkt=tidspunkt),
            felter,
            is_tiltak=True,
            dato=dato,
            nr=[nr for nr, _ in pairs],
            ident=text_array([ident for _, ident in pairs]),
            svart=[person if isinstance(person, str) else None for person in personer],
            personer=text_array(dict.fromkeys(ident for _, ident in pairs)),
            criteria=_names(("identer", "tidspunkt") if tidspunkt else ("identer",)),
        )
        return str(answer)

    def search(self, context: AuditContext, search: Search, felter: Fields, limit: int) -> str:
        """Return a page of at most `limit` avtaler, newest first."""
        return str(self._run("search_avtaler", context, search, felter, limit=limit))

    def find(self, context: AuditContext, search: Search, felter: Fields) -> str | None:
        """Return one avtale, or None when there is none to show."""
        return self._run("find_avtale", context, search, felter)

    def listed(self, context: AuditContext, search: Search, felter: Fields, limit: int) -> str | None:
        """Return avtaler in the shape of GraphQL, newest first, or None when there are more than `limit`."""
        return self._run("list_avtaler", context, search, felter, shape=Shape.GRAPHQL, limit=limit)

    def history(self, context: AuditContext, avtale_id: str, felter: Fields) -> str | None:
        """Return the versions of one avtale, newest first, or None when there is none to show."""
        statement = lookup("list_versions", felter, _OF_VERSIONS, source="versions")
        return self._fetch(statement, context, Search(avtale_id=avtale_id), felter, {})

    def ping(self) -> None:
        """Raise `DatabaseUnavailable` when the database does not answer or lacks migrations."""
        with self._pool.connection() as connection:
            connection.execute(_PING)

    def _run(
        self,
        name: str,
        context: AuditContext,
        search: Search,
        felter: Fields,
        *,
        is_tiltak: bool = False,
        shape: Shape = Shape.REST,
        **values: object,
    ) -> str | None:
        source = "as_of" if search.tidspunkt else "avtale"
        statement = lookup(name, felter, _criteria(search, is_tiltak=is_tiltak), source=source, shape=shape)
        return self._fetch(statement, context, search, felter, values)

    def _fetch(
        self,
        statement: Statement,
        context: AuditContext,
        search: Search,
        felter: Fields,
        values: dict[str, object],
    ) -> str | None:
        """Return what the statement answers for the search, the context and further `values`."""
        bound = {
            **search._asdict(),
            **context._asdict(),
            "behandlingsnummer": _names(context.behandlingsnummer),
            "personer": None,
            "criteria": _names(search.kinds),
            "felter": _names_of(felter),
            **values,
        }
        if search.identer is not None:
            bound["identer"] = bound["personer"] = text_array(search.identer)
            bound["fnr"] = next(iter(search.identer), None)
        if search.marker is not None:
            bound["marker_time"], bound["marker_id"] = search.marker
        if search.is_of_one:  # quick: it may share a statement with others
            row = self._coalescer.fetch_one(statement, bound)
        else:
            with self._pool.connection() as connection:
                (row,) = connection.execute(statement.single, bound).fetchall()
        answer: str | None = row[0]
        return answer


def _criteria(search: Search, *, is_tiltak: bool) -> tuple[str, ...]:
    """Return the names of the parts of a statement that say which avtaler are meant, always in one order."""
    names = [f"by_{name}" for name in _CRITERIA if getattr(search, name) is not None]
    if search.identer and len(search.identer) == 1 and search.tidspunkt is None:
        names[names.index("by_identer")] = "by_fnr"
    names += ["is_tiltak"] if is_tiltak else []
    names += ["is_numbered"] if search.numbered else []
    if not search.feilregistrerte:
        names += ["is_shown", *(["is_still_shown"] if search.tidspunkt else [])]
    return tuple(names)


def text_array(texts: Collection[str]) -> str:
    """Return texts as the text of an array, which a statement for many questions needs."""
    quoted = [text.replace("\\", r"\\").replace('"', r"\"") for text in texts]
    return '{"' + '","'.join(quoted) + '"}' if texts else "{}"


_names = lru_cache(maxsize=1_024)(text_array)  # not for numbers of persons


@lru_cache(maxsize=1_024)
def _names_of(felter: Fields) -> str:
    return text_array([felt.json for felt in felter])
