"""What the API asks of PostgreSQL: one statement a lookup, which builds the JSON and keeps a record."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache, partial

from datadeling.crew import step_aside
from datadeling.db.coalesce import Coalescer
from datadeling.db.lookup_sql import Fields, Shape, history, lookup
from datadeling.db.pool import Pool
from datadeling.db.queries import queries
from datadeling.db.statements import text_array
from datadeling.domain.search import AuditContext, Search


class Lookups:
    """The lookups, over one process's connections.

    Every method raises `DatabaseUnavailable` when there is no answer to be had in time, `UnstorableRow` or
    `DatabaseBug` when the database refuses; then there is no answer, and no record. What they give is JSON as
    it goes to the consumer. `context` and what was asked for are in `lookup_log` when they return.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._together = Coalescer(pool)

    def tiltaksstatus(
        self,
        context: AuditContext,
        identer: Sequence[str],
        dato: date,
        felter: Fields,
        tidspunkt: datetime | None,
    ) -> str:
        """What the person takes part in on that day, will, and has, as it was known at `tidspunkt`."""
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
        """The same for many persons, in their order. Who is a text is answered with it: JSON."""
        asked = [
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
            nr=[nr for nr, _ in asked],
            ident=text_array([ident for _, ident in asked]),
            svart=[person if isinstance(person, str) else None for person in personer],
            personer=text_array(dict.fromkeys(ident for _, ident in asked)),
            kinds=["identer", *(["tidspunkt"] if tidspunkt else [])],
        )
        return str(answer)

    def search(self, context: AuditContext, search: Search, felter: Fields, limit: int) -> str:
        """A page of at most `limit` avtaler, newest first."""
        return str(self._run("search_avtaler", context, search, felter, limit=limit))

    def find(self, context: AuditContext, search: Search, felter: Fields) -> str | None:
        """One avtale, or None when there is none to be shown."""
        answer = self._run("find_avtale", context, search, felter)
        return None if answer is None else str(answer)

    def listed(self, context: AuditContext, search: Search, felter: Fields, limit: int) -> str | None:
        """Avtaler as GraphQL tells them, newest first; None when there are more than `limit`."""
        answer = self._run("list_avtaler", context, search, felter, shape=Shape.GRAPHQL, limit=limit)
        return None if answer is None else str(answer)

    def history(self, context: AuditContext, avtale_id: str, felter: Fields) -> str | None:
        """The versions of one avtale, newest first, or None when there is none to be shown."""
        alone, together = history(felter), history(felter, together=True)
        answer = self._answer(alone, together, context, Search(avtale_id=avtale_id), felter)
        return None if answer is None else str(answer)

    def ping(self) -> None:
        """Raise `DatabaseUnavailable` when the database does not answer or lacks migrations."""
        step_aside()
        with self._pool.connection() as connection:
            connection.execute(_PING)

    def _run(
        self,
        statement: str,
        context: AuditContext,
        search: Search,
        felter: Fields,
        *,
        is_tiltak: bool = False,
        shape: Shape = Shape.REST,
        kinds: Sequence[str] | None = None,
        **values: object,
    ) -> object:
        """The answer of a lookup that is put together by its criteria."""
        criteria = _criteria(search, is_tiltak=is_tiltak)
        text = partial(lookup, statement, felter, criteria, as_of=search.tidspunkt is not None, shape=shape)
        together = text(together=True) if search.is_of_one else None
        return self._answer(text(), together, context, search, felter, kinds, **values)

    def _answer(
        self,
        alone: bytes,
        together: bytes | None,
        context: AuditContext,
        search: Search,
        felter: Fields,
        kinds: Sequence[str] | None = None,
        **values: object,
    ) -> object:
        """What a statement answers, given for one who is `alone`, and for many `together` if it is quick.

        `values` add to what the context and the search say, or replace it.
        """
        bound = {
            **search.given,
            **context._asdict(),
            "behandlingsnummer": text_array(context.behandlingsnummer),
            "personer": None,
            "criteria": text_array(kinds or search.kinds),
            "felter": _names(felter),
        }
        if search.identer is not None:
            bound["identer"] = bound["personer"] = text_array(search.identer)
            bound["fnr"] = next(iter(search.identer), None)
        if search.marker is not None:
            bound["marker_time"], bound["marker_id"] = search.marker
        bound.update(values)
        if together is not None:
            return self._together.fetch_one(alone, together, bound)[0]
        step_aside()  # it may take long, and nobody is to wait for it
        with self._pool.connection() as connection:
            row = connection.execute(alone, bound).fetchone()
        return row[0] if row else None


@lru_cache(maxsize=2_048)
def _names(felter: Fields) -> str:
    return text_array([felt.json for felt in felter])


def _criteria(search: Search, *, is_tiltak: bool) -> tuple[str, ...]:
    """The names of the parts of a statement that say which avtaler are meant, in one order always."""
    given = [f"by_{name}" for name in _BY if getattr(search, name) is not None]
    if search.identer and len(search.identer) == 1 and search.tidspunkt is None:
        given[given.index("by_identer")] = "by_fnr"
    given += ["is_tiltak"] if is_tiltak else []
    given += ["is_numbered"] if search.numbered else []
    if not search.feilregistrerte:
        given += ["is_shown", *(["is_still_shown"] if search.tidspunkt else [])]
    return tuple(given)


_BY = (
    "identer", "bedrift_nr", "tiltakstype", "avtale_status", "avtale_id", "avtale_nr", "fom", "tom", "marker",
)  # fmt: skip
# As bytes: to put a statement together costs more than to run it.
_PING = queries["ping"].as_bytes()
