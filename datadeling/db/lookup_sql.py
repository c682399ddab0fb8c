"""Composes lookups from the named parts in `queries/`: only the columns of the requested fields are read.

The parts name their values in braces, as `{fnr}`. In a statement for one question these are bound parameters;
in one for many they are columns of the row that holds a question's values.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import lru_cache

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal, Placeholder

from datadeling.db.coalesce import Statement
from datadeling.db.queries import columns, queries
from datadeling.domain.felt import ENUMS, VARIGHET_DAGER, Felt, Type

Fields = tuple[Felt, ...]
Parts = Mapping[str, Composable]

# Values that the criteria and the shape of an answer can name; a search for many persons has more of them.
_OF_ONE = (
    "identer", "fnr", "bedrift_nr", "tiltakstype", "avtale_status", "avtale_id", "avtale_nr", "fom", "tom",
    "marker_time", "marker_id", "tidspunkt", "dato", "limit",
)  # fmt: skip
_OF_MANY_PERSONS = ("nr", "ident", "svart")
_OF_RECORD = (
    "call_id", "consumer", "consumer_name", "nav_ident", "behandlingsnummer", "endpoint", "criteria",
    "felter", "personer",
)  # fmt: skip

# Columns of versions that are read whichever fields are requested, and those that each criterion reads.
_READ_ANYWAY = {
    "as_of": ("avtale_id", "deltaker_fnr", "opprettet_tidspunkt", "feilregistrert"),
    "versions": ("avtale_id", "deltaker_fnr", "endret_tidspunkt"),
}
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
_BY_PERSON = frozenset({"by_identer", "by_fnr"})
_WITH_MILLISECONDS = 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM'  # in the zone of the session: Oslo


class Shape(Enum):
    """Serialisation of values: as they are stored, or as today's consumers get them over GraphQL."""

    REST = "rest"
    GRAPHQL = "graphql"


@lru_cache(maxsize=2_048)
def lookup(
    name: str,
    felter: Fields,
    criteria: tuple[str, ...],
    *,
    source: str = "avtale",
    shape: Shape = Shape.REST,
) -> Statement:
    """Return a lookup with its record, ready to run. Composing it costs more than running it.

    `source` is the table `avtale`, or a part that selects from its versions: `as_of` or `versions`.
    """

    def body(values: Parts) -> Composed:
        parts = {
            part: queries[part].format(**values)
            for part in (*criteria, "naar", "status", "no_status", "marker")
        }
        return queries[name].format(
            **values,
            **parts,
            source=_source(source, felter, criteria, values),
            felter=SQL(", ").join(_selected(felt, shape, values) for felt in felter),
            names=SQL(", ").join(_name_if_changed(felt) for felt in felter),
            criteria=SQL(" AND ").join(SQL("({})").format(parts[part]) for part in criteria),
            # The log records the persons of the request, or else those of the answer.
            person=SQL("NULL::text") if _BY_PERSON & {*criteria} else Identifier("avtale", "deltaker_fnr"),
            history_begins=SQL("") if source == "avtale" else queries["history_begins"],
        )

    return _audited(body)


def _audited(body: Callable[[Parts], Composed]) -> Statement:
    """Return both forms of a lookup with its record. `body` composes the lookup from its values."""
    single = body(_placeholders(*_OF_ONE, *_OF_MANY_PERSONS))
    many = body(_columns_of("question", _OF_ONE))
    record, values = queries["record"], (*_OF_ONE, *_OF_RECORD)
    for_one = queries["audited"].format(lookup=single, record=record.format(**_placeholders(*_OF_RECORD)))
    for_many = queries["audited_many"].format(
        columns=SQL(", ").join(SQL("{} text").format(Identifier(name)) for name in values),
        names=columns(*values),
        lookup=many,
        record=record.format(**_columns_of("oppslag", _OF_RECORD)),
    )
    return Statement(for_one.as_bytes(), for_many.as_bytes())


def _placeholders(*names: str) -> Parts:
    return {name: Placeholder(name) for name in names}


def _columns_of(table: str, names: Iterable[str]) -> Parts:
    """Return the values as columns; those of many persons are in no statement for many questions."""
    return {
        **{name: Identifier(table, name) for name in names},
        **dict.fromkeys(_OF_MANY_PERSONS, SQL("NULL")),
    }


def _source(source: str, felter: Fields, criteria: Iterable[str], values: Parts) -> Composable:
    """Return the table, or the present and the superseded versions with the columns that are read."""
    if source == "avtale":
        return SQL("avtale")
    read = [*_READ_ANYWAY[source], *(column for name in criteria for column in _READ_BY.get(name, ()))]
    for felt in felter:
        read += ("start_dato", "slutt_dato") if felt is VARIGHET_DAGER else (felt.column,)
    names = dict.fromkeys(read)
    return queries[source].format(
        columns=columns(*names, table="avtale"), versions=columns(*names, table="tidligere"), **values
    )


def _name_if_changed(felt: Felt) -> Composed:
    column = Identifier("avtale", felt.column)
    return queries["name_if_changed"].format(column=column, name=Literal(felt.json))


def _selected(felt: Felt, shape: Shape, values: Parts) -> Composed:
    """Return a column under its name in JSON; numbers without trailing zeros."""
    value: Composable = Identifier("avtale", felt.column)
    if felt is VARIGHET_DAGER:
        value = queries["varighet_dager"].format(**values)
    elif felt.type is Type.NUMBER:
        value = SQL("trim_scale({})").format(value)
    elif shape is Shape.GRAPHQL and felt.type is Type.TIME:
        value = SQL("to_char({}, {})").format(value, Literal(_WITH_MILLISECONDS))
    elif shape is Shape.GRAPHQL and felt.column in ENUMS:
        known = (
            SQL("WHEN {} THEN {}").format(Literal(v), Literal(name)) for name, v in ENUMS[felt.column].items()
        )
        value = SQL("CASE {} {} END").format(value, SQL(" ").join(known))  # null for a value that is new
    return SQL("{} AS {}").format(value, Identifier(felt.json))
