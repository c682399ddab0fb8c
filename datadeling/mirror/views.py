"""The views that analysts read, as text: made from the description of the fields, and from nothing else.

Datastream mirrors the table `avtale` whole, as `public_avtale`. Nobody is to read that: a view names what it
shares, and a new column is in none until somebody has decided. `mirror` stands for the dataset.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from datadeling.domain.avtale import COLUMNS
from datadeling.domain.felt import BY_NAME, FELTER, Felt, Sensitivity, Type

DATASET = "mirror"
"""What stands for the dataset in the text."""

LEFT_OUT: Mapping[str, str] = {
    "generation": "where the message stood, for us alone",
    "kafka_partition": "where the message stood, for us alone",
    "kafka_offset": "where the message stood, for us alone",
    "hendelse_tidspunkt": "of the message, not of the avtale; endret_tidspunkt is shared",
    "mottatt_tidspunkt": "when we stored it, which says something about us",
}
"""Columns that are in no view, and why."""

_TABLE = "public_avtale"  # as Datastream calls it: schema and table
_SOURCE = f"`{DATASET}.{_TABLE}`"
_SMALLEST_GROUP = 5
"""Persons; a smaller group could point somebody out."""

_TYPES: Mapping[Type, str] = {
    Type.UUID: "STRING",
    Type.TEXT: "STRING",
    Type.INTEGER: "INTEGER",
    Type.NUMBER: "NUMERIC",
    Type.DATE: "DATE",
    Type.TIME: "TIMESTAMP",
    Type.BOOLEAN: "BOOLEAN",
}
_PII = {
    Sensitivity.OPEN: "Ikke personopplysning alene.",
    Sensitivity.PERSON: "Personopplysning: peker ut deltakeren.",
    Sensitivity.EMPLOYEE: "Personopplysning: peker ut en ansatt i NAV.",
}


class Column(NamedTuple):
    """A column of a view: what it is called, its type in BigQuery, what a reader is told, what it reads."""

    name: str
    type: str
    description: str
    reads: tuple[str, ...]


class View(NamedTuple):
    """One view. `query` is what it selects; `labels` are BigQuery's."""

    name: str
    description: str
    labels: Mapping[str, str]
    columns: tuple[Column, ...]
    query: str

    def sql(self, source: str = DATASET, into: str | None = None) -> str:
        """The statement that makes or replaces it over the tables in the dataset `source`.

        It is made there, or in `into`. Both may name the project, too.
        """
        columns = ",\n".join(
            f"  {column.name} OPTIONS (description = {_text(column.description)})" for column in self.columns
        )
        labels = ", ".join(f"({_text(name)}, {_text(value)})" for name, value in self.labels.items())
        query = self.query.replace(_SOURCE, f"`{source}.{_TABLE}`")
        return (
            f"CREATE OR REPLACE VIEW `{into or source}.{self.name}` (\n{columns}\n)\n"
            f"OPTIONS (\n  description = {_text(self.description)},\n  labels = [{labels}]\n)\nAS\n{query};\n"
        )


def unaccounted(columns: Iterable[str] = COLUMNS) -> list[str]:
    """The columns of `avtale` that are in no view, and that nobody has left out."""
    read = {name for view in VIEWS for column in view.columns for name in column.reads}
    return [name for name in columns if name not in read and name not in LEFT_OUT]


def _text(value: str) -> str:
    """A literal in BigQuery."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"


def _column(felt: Felt) -> Column:
    return Column(
        felt.column, _TYPES[felt.type], f"{felt.description} {_PII[felt.sensitivity]}", (felt.column,)
    )


def _of_avtaler(name: str, description: str, felter: Sequence[Felt]) -> View:
    """The avtaler that may be shown, with these fields."""
    with_persons = any(felt.sensitivity is not Sensitivity.OPEN for felt in felter)
    selected = ",\n".join(f"  {felt.column}" for felt in felter)
    return View(
        name,
        description,
        {"kilde": "datadeling", "personidenter": "ja" if with_persons else "nei"},
        tuple(map(_column, felter)),
        f"SELECT\n{selected}\nFROM {_SOURCE}\nWHERE NOT feilregistrert",
    )


def _tiltak_per_maaned() -> View:
    """How many, by month and kind. One grouping and no sums over it: a sum and its parts tell the rest.

    A tiltak is what `tiltaksstatus` takes for one: agreed, not given up, with a beginning.
    """
    source = ("avtale_inngaatt", "avtale_status", "start_dato", "slutt_dato", "feilregistrert")
    kind = BY_NAME["tiltakstype"]
    return View(
        "tiltak_per_maaned",
        "Antall personer på tiltak hver måned, per tiltakstype. Grupper med færre enn "
        f"{_SMALLEST_GROUP} personer er utelatt, så summen over tiltakstyper er ikke alle.",
        {"kilde": "datadeling", "personidenter": "nei"},
        (
            Column("maaned", "DATE", "Første dag i måneden.", source),
            Column(kind.column, "STRING", f"{kind.description} {_PII[kind.sensitivity]}", (kind.column,)),
            Column(
                "antall_personer",
                "INTEGER",
                "Ulike personer med minst én dag på tiltak i måneden.",
                ("deltaker_fnr",),
            ),
            Column("antall_avtaler", "INTEGER", "Avtaler med minst én dag i måneden.", ("avtale_id",)),
        ),
        f"""SELECT
  maaned,
  tiltakstype,
  COUNT(DISTINCT deltaker_fnr) AS antall_personer,
  COUNT(*) AS antall_avtaler
FROM {_SOURCE}
CROSS JOIN UNNEST(
  GENERATE_DATE_ARRAY(
    DATE_TRUNC(start_dato, MONTH),
    LEAST(COALESCE(slutt_dato, CURRENT_DATE('Europe/Oslo')), CURRENT_DATE('Europe/Oslo')),
    INTERVAL 1 MONTH
  )
) AS maaned
WHERE NOT feilregistrert
  AND avtale_inngaatt IS NOT NULL
  AND avtale_status NOT IN ('ANNULLERT', 'AVBRUTT')
  AND (slutt_dato IS NULL OR start_dato <= slutt_dato)
GROUP BY maaned, tiltakstype
HAVING COUNT(DISTINCT deltaker_fnr) >= {_SMALLEST_GROUP}""",
    )


VIEWS: tuple[View, ...] = (
    _of_avtaler(
        "avtale",
        "Avtaler om arbeidsmarkedstiltak, med alle felt som deles. Personopplysninger: bare for dem med et "
        "behandlingsgrunnlag. Adressebeskyttede og skjermede personer er med. Feilregistrerte er utelatt.",
        FELTER,
    ),
    _of_avtaler(
        "avtale_uten_personident",
        "Avtaler om arbeidsmarkedstiltak uten identitetsnumre og NAV-identer. En avtale kan likevel gjelde "
        "en person som noen kjenner igjen. Adressebeskyttede og skjermede personer er med. Feilregistrerte "
        "er utelatt.",
        tuple(felt for felt in FELTER if felt.sensitivity is Sensitivity.OPEN),
    ),
    _tiltak_per_maaned(),
)
"""In the order in which they are made."""
