"""Puts lookups together: the columns of the fields asked for, and the criteria. Nothing else is read."""

import re
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
_BOUND = re.compile(r"%\((\w+)\)s")
_WITH_MILLISECONDS = 'YYYY-MM-DD"T"HH24:MI:SS.MSTZH:TZM'  # cut, in the zone of the session: Oslo
# The same of the versions of one avtale.
_READ_OF_VERSIONS = ("avtale_id", "deltaker_fnr", "endret_tidspunkt")
_NOTHING = SQL("")


class Shape(Enum):
    """How values are told: as they are stored, or as today's consumers have them over GraphQL."""

    REST = "rest"
    GRAPHQL = "graphql"


# Who was asked for is recorded; else those whom the answer is about are.
_OF_PERSONS = frozenset({"by_identer", "by_fnr"})
_NOBODY = SQL("NULL::text")


@lru_cache(maxsize=2_048)
def lookup(
    statement: str,
    felter: Fields,
    criteria: tuple[str, ...],
    *,
    as_of: bool = False,
    shape: Shape = Shape.REST,
    together: bool = False,
) -> bytes:
    """A lookup with its record, ready to run. As bytes: putting it together costs more than running it.

    With `together` it is for many that ask in the same words: see `audited_together`.
    """
    text = queries[statement].format(
        source=_source(felter, criteria, as_of=as_of),
        felter=SQL(", ").join(_selected(felt, shape) for felt in felter),
        criteria=SQL(" AND ").join(SQL("({})").format(queries[name]) for name in criteria),
        person=Identifier("avtale", "deltaker_fnr") if _OF_PERSONS.isdisjoint(criteria) else _NOBODY,
        history_begins=queries["history_begins"] if as_of else _NOTHING,
        **{part: queries[part] for part in ("naar", "status", "no_status", "marker")},
    )
    return _audited_together(text) if together else _audited(text)


@lru_cache(maxsize=2_048)
def history(felter: Fields, *, together: bool = False) -> bytes:
    """The versions of one avtale, with the record of the lookup, ready to run; `together` as in `lookup`."""
    text = queries["list_versions"].format(
        source=_versions("versions", _READ_OF_VERSIONS, felter),
        felter=SQL(", ").join(_selected(felt, Shape.REST) for felt in felter),
        names=SQL(", ").join(_name_if_changed(felt) for felt in felter),
        criteria=SQL("({}) AND ({})").format(queries["by_avtale_id"], queries["is_still_shown"]),
        history_begins=queries["history_begins"],
    )
    return _audited_together(text) if together else _audited(text)


def _audited(text: Composed) -> bytes:
    return queries["audited"].format(lookup=text, record=queries["record"]).as_bytes()


def _audited_together(text: Composed) -> bytes:
    """What is bound for one is a column for many; each is cast to its type where it stands."""
    asked, record = text.as_string(), queries["record"].as_string()
    names = dict.fromkeys(_BOUND.findall(asked + record))
    return (
        queries["audited_together"]
        .format(
            columns=SQL(", ").join(SQL("{} text").format(Identifier(name)) for name in names),
            names=columns(*names),
            lookup=_taken_from("spurt", asked),
            record=_taken_from("oppslag", record),
        )
        .as_bytes()
    )


def _taken_from(table: str, text: str) -> SQL:
    return SQL(_BOUND.sub(rf"{table}.\1", text))


def _source(felter: Iterable[Felt], criteria: Iterable[str], *, as_of: bool) -> Composable:
    if not as_of:
        return SQL("avtale")
    read = (*_READ_ANYWAY, *(column for name in criteria for column in _READ_BY.get(name, ())))
    return _versions("as_of", read, felter)


def _versions(source: str, read: Iterable[str], felter: Iterable[Felt]) -> Composed:
    """The present ones and the superseded ones, with these columns and those of the fields."""
    names = dict.fromkeys(read)
    for felt in felter:
        names.update(
            dict.fromkeys(("start_dato", "slutt_dato") if felt is VARIGHET_DAGER else (felt.column,))
        )
    return queries[source].format(
        columns=columns(*names, table="avtale"), versions=columns(*names, table="tidligere")
    )


def _name_if_changed(felt: Felt) -> Composed:
    """The name of a field that differs from the version before, else null."""
    return queries["name_if_changed"].format(
        column=Identifier("avtale", felt.column), name=Literal(felt.json)
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
