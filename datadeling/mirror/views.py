"""The views over the mirrored table: the columns and rows of each, their descriptions, and their SQL.

No view has avtaler that were registered by mistake.
"""

import json
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from datadeling.domain.felt import FELTER, MOTTATT_TIDSPUNKT, Felt, Sensitivity, Type

SOURCE = "public_avtale"
"""Datastream's name of the mirrored table: its schema and its name."""

DATASET = "datastream_datadeling"
"""The dataset that nada-datastream puts it in, named after the database."""

METADATA = "datastream_metadata"
"""A STRUCT that Datastream adds to every mirrored table. It is in no view."""

FEWEST = 5
"""The fewest persons that an aggregated row may be about."""

LEFT_OUT: Mapping[str, str] = {
    "generation": "part of the place of the message on the topic: of use to the consumer alone",
    "kafka_partition": "part of the place of the message on the topic: of use to the consumer alone",
    "kafka_offset": "part of the place of the message on the topic: of use to the consumer alone",
    "hendelse_tidspunkt": "orders versions, and there is one version of each avtale here",
}
"""The columns of `avtale` that are mirrored but in no view, and the reason."""


class Pii(Enum):
    """The class of personal data of a column, in the words of the data marketplace."""

    DIRECT = "Direkte identifiserende"
    SPECIAL = "Særlig kategori"
    INDIRECT = "Kan være indirekte identifiserende"


class Column(NamedTuple):
    """One column of a view. `type` is its type in BigQuery's API; `pii` is None for aggregates."""

    name: str
    type: str
    meaning: str
    pii: Pii | None = None

    @property
    def description(self) -> str:
        """Return the description for analysts, in Norwegian."""
        return f"{self.meaning} Personopplysning: {self.pii.value.lower()}." if self.pii else self.meaning


# Datastream turns uuid and text, integer, numeric(9,4), date, timestamptz and boolean into these.
_TYPES: Mapping[Type, str] = {
    Type.UUID: "STRING",
    Type.TEXT: "STRING",
    Type.INTEGER: "INTEGER",
    Type.NUMBER: "NUMERIC",
    Type.DATE: "DATE",
    Type.TIME: "TIMESTAMP",
    Type.BOOLEAN: "BOOLEAN",
}

# Some kinds of tiltak are for people whose ability to work is permanently reduced: that is health data.
_SPECIAL = {"tiltakstype": Pii.SPECIAL}


def column(felt: Felt) -> Column:
    """Return a shared field as a column."""
    pii = Pii.DIRECT if felt.sensitivity is not Sensitivity.OPEN else _SPECIAL.get(felt.column, Pii.INDIRECT)
    return Column(felt.column, _TYPES[felt.type], felt.description, pii)


# Analysts fetch what is new by `mottatt_tidspunkt`: `endret_tidspunkt` stays when a date changes the status.
_FIELDS = (*FELTER, MOTTATT_TIDSPUNKT)

PERSONAL: tuple[Column, ...] = tuple(column(felt) for felt in _FIELDS)
"""The columns of the view with all shared fields."""

WITHOUT_IDENTS: tuple[Column, ...] = tuple(
    column(felt) for felt in _FIELDS if felt.sensitivity is Sensitivity.OPEN
)
"""The columns that identify neither the participant nor anybody who works in NAV."""


class View(NamedTuple):
    """One view. `body` is its query in BigQuery's SQL, with `{source}` for the mirrored table.

    `persons` becomes a label of the view: how its rows identify people.
    """

    name: str
    description: str
    columns: tuple[Column, ...]
    persons: str
    body: str

    @property
    def labels(self) -> Mapping[str, str]:
        """Return the labels of the view."""
        return {"app": "datadeling", "personopplysninger": self.persons}

    def query(self, source: str) -> str:
        """Return the query over the table with this name, which is in backticks."""
        return self.body.format(source=source)


def _rows(columns: tuple[Column, ...]) -> str:
    names = ",\n  ".join(column.name for column in columns)
    return f"SELECT\n  {names}\nFROM {{source}}\nWHERE NOT feilregistrert"


_NOT_FILTERED = (
    "Personer med adressebeskyttelse (fortrolig, strengt fortrolig) og skjermede personer er ikke filtrert "
    "bort."
)
_SHOWN = "Én rad per avtale, slik den er nå. Avtaler som er registrert ved en feil, er ikke med."


# A tiltak is defined as for the API's tiltaksstatus: `is_tiltak` in db/queries/criteria.sql.
#
# One figure, only for months that have ended, and no totals: differences between figures would reveal groups
# that are too small to be shown. A total reveals the row that is left out, the number of avtaler the persons
# who have two, and a month that has not ended those who came today.
_PER_MONTH = f"""\
SELECT
  maaned,
  tiltakstype,
  COUNT(DISTINCT deltaker_fnr) AS antall_deltakere
FROM {{source}}
CROSS JOIN UNNEST(
  GENERATE_DATE_ARRAY(
    DATE_TRUNC(start_dato, MONTH),
    LEAST(
      COALESCE(slutt_dato, DATE '9999-12-31'),
      DATE_SUB(DATE_TRUNC(CURRENT_DATE('Europe/Oslo'), MONTH), INTERVAL 1 DAY)
    ),
    INTERVAL 1 MONTH
  )
) AS maaned
WHERE NOT feilregistrert
  AND avtale_inngaatt IS NOT NULL
  AND avtale_status NOT IN ('ANNULLERT', 'AVBRUTT')
  AND (slutt_dato IS NULL OR slutt_dato >= start_dato)
GROUP BY maaned, tiltakstype
HAVING COUNT(DISTINCT deltaker_fnr) >= {FEWEST}"""  # noqa: S608

VIEWS: tuple[View, ...] = (
    View(
        "avtale",
        f"Avtaler om arbeidsmarkedstiltak, med alle delte felt. {_SHOWN} Har deltakerens identitetsnummer og "
        f"NAV-identer: bare for dem med behandlingsgrunnlag. {_NOT_FILTERED}",
        PERSONAL,
        "direkte",
        _rows(PERSONAL),
    ),
    View(
        "avtale_uten_personident",
        "Avtaler om arbeidsmarkedstiltak, uten deltakerens identitetsnummer og uten NAV-identer. "
        f"{_SHOWN} Fortsatt personopplysninger: den som vet noe om en avtale, kan kjenne den igjen. "
        f"{_NOT_FILTERED}",
        WITHOUT_IDENTS,
        "indirekte",
        _rows(WITHOUT_IDENTS),
    ),
    View(
        "tiltak_per_maaned",
        "Hvor mange som har vært på hver tiltakstype i hver måned som er over. Tall under "
        f"{FEWEST} er utelatt, hele raden mangler da. Summer ikke over tiltakstyper: noen er på flere, og "
        "utelatte rader mangler. Tallene endres når avtaler registreres eller rettes i ettertid.",
        (
            Column("maaned", "DATE", "Første dag i måneden."),
            Column("tiltakstype", "STRING", "Hva slags tiltak; nye verdier kan komme."),
            Column(
                "antall_deltakere",
                "INTEGER",
                f"Antall personer med inngått avtale og minst én dag i måneden; aldri under {FEWEST}.",
            ),
        ),
        "aggregert",
        _PER_MONTH,
    ),
)
"""All views."""

_HEADING = "-- Made from datadeling/mirror by `make views`. Change it there.\n"


def create(
    view: View, *, dataset: str = DATASET, views_in: str | None = None, project: str | None = None
) -> str:
    """Return the statement that creates or replaces the view over the mirrored table in `dataset`.

    The view goes into the dataset `views_in`, or the same one. Without `project`, it is the one in which the
    statement is run.
    """
    columns = ",\n".join(f"  {c.name} OPTIONS (description = {_text(c.description)})" for c in view.columns)
    labels = ", ".join(f"({_text(key)}, {_text(value)})" for key, value in view.labels.items())
    return (
        f"CREATE OR REPLACE VIEW {quoted(project, views_in or dataset, view.name)} (\n{columns}\n)\n"
        f"OPTIONS (\n  description = {_text(view.description)},\n  labels = [{labels}]\n)\n"
        f"AS\n{view.query(quoted(project, dataset, SOURCE))};\n"
    )


def files() -> dict[str, str]:
    """Return the text of each file of mirror/views, by its name."""
    return {f"{view.name}.sql": _HEADING + create(view) for view in VIEWS}


def quoted(*path: str | None) -> str:
    """Return a name in backticks."""
    return f"`{'.'.join(part for part in path if part)}`"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)  # BigQuery has the same escapes
