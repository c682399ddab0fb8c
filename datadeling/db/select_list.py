"""Puts lookups together: the columns of the fields asked for, and the criteria. Nothing else is read."""

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from datadeling.db.queries import columns, queries
from datadeling.domain.felt import VARIGHET_DAGER, Felt, Type
from datadeling.domain.verdier import ENUMS

Fields = tuple[Felt, ...]

# What the criteria and the order of an answer read, whichever fields are asked for.
_READ_ANYWAY = (
    "avtale_id", "deltaker_fnr", "opprettet_tidspunkt", "feilregistrert",
)  # fmt: skip
_READ_BY = {
    "by_bedrift_nr": ("bedrift_nr",),
    "by_tiltakstype": ("tiltakstype",),
    "by_avtale_status": ("avtale_status",),
    "by_avtale_nr": ("avtale_nr",),
    "by_fom": ("start_dato", "slutt_dato"),
    "by_tom": ("start_dato",),
    "is_numbered": ("avtale_nr",),
    "is_tiltak": ("avtale_inngaatt", "avtale_status", "start_dato", "slutt_dato"),
}
_WITH_MILLISECONDS = 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM'  # cut, in the zone of the session: Oslo
_NOTHING = SQL("")


class Shape(Enum):
    """How values are told: as they are stored, or as today's consumers have them over GraphQL."""

    REST = "rest"
    GRAPHQL = "graphql"


@lru_cache(maxsize=2_048)
def lookup(
    statement: str,
    felter: Fields,
    criteria: tuple[str, ...],
    *,
    as_of: bool = False,
    shape: Shape = Shape.REST,
) -> bytes:
    """A lookup with its record, ready to run. As bytes: putting it together costs more than running it."""
    return (
        queries["audited"]
        .format(
            lookup=queries[statement].format(
                source=_source(felter, criteria, as_of=as_of),
                felter=SQL(", ").join(_selected(felt, shape) for felt in felter),
                criteria=SQL(" AND ").join(SQL("({})").format(queries[name]) for name in criteria),
                person=SQL("NULL::text")
                if "by_identer" in criteria
                else Identifier("avtale", "deltaker_fnr"),
                history_begins=queries["history_begins"] if as_of else _NOTHING,
                **{part: queries[part] for part in ("naar", "status", "no_status", "marker")},
            )
        )
        .as_bytes()
    )


def _source(felter: Iterable[Felt], criteria: Iterable[str], *, as_of: bool) -> Composable:
    if not as_of:
        return SQL("avtale")
    read = dict.fromkeys((*_READ_ANYWAY, *(c for name in criteria for c in _READ_BY.get(name, ()))))
    for felt in felter:
        read.update(dict.fromkeys(("start_dato", "slutt_dato") if felt is VARIGHET_DAGER else (felt.column,)))
    return queries["as_of"].format(
        columns=columns(*read, table="avtale"), versions=columns(*read, table="tidligere")
    )


def _selected(felt: Felt, shape: Shape) -> Composed:
    """A column under its name in JSON; numbers without trailing zeros."""
    value: Composable = Identifier("avtale", felt.column)
    if felt is VARIGHET_DAGER:
        value = queries["varighet_dager"]
    elif felt.type is Type.NUMBER:
        value = SQL("trim_scale({})").format(value)
    elif shape is Shape.GRAPHQL and felt.type is Type.TIME:
        value = SQL("to_char({}, {})").format(value, Literal(_WITH_MILLISECONDS))
    elif shape is Shape.GRAPHQL and felt.column in ENUMS:
        known = (
            SQL("WHEN {} THEN {}").format(*map(Literal, pair[::-1])) for pair in ENUMS[felt.column].items()
        )
        value = SQL("CASE {} {} END").format(value, SQL(" ").join(known))  # null for one that is new
    return SQL("{} AS {}").format(value, Identifier(felt.json))
