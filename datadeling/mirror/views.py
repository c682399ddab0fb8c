"""The views over the mirrored table: the columns and rows of each, their descriptions, and their SQL.

No view has avtaler that were registered by mistake.
"""

import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from datadeling.domain.felt import FELTER, MOTTATT_TIDSPUNKT, Felt, Type

SOURCE = "public_avtale"  # Datastream's name of the mirrored table: its schema and its name
DATASET = "datastream_datadeling"  # where nada-datastream puts it, named after the database
METADATA = "datastream_metadata"  # a STRUCT that Datastream adds to every mirrored table; it is in no view
_FEWEST = 5  # persons that an aggregated row is about
_PLACE = "part of the place of the message on the topic: of use to the consumer alone"

LEFT_OUT: Mapping[str, str] = {
    "generation": _PLACE,
    "kafka_partition": _PLACE,
    "kafka_offset": _PLACE,
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
    Type.UUID: "STRING", Type.TEXT: "STRING", Type.INTEGER: "INTEGER", Type.NUMBER: "NUMERIC",
    Type.DATE: "DATE", Type.TIME: "TIMESTAMP", Type.BOOLEAN: "BOOLEAN",
}  # fmt: skip


def column(felt: Felt) -> Column:
    """Return a shared field as a column."""
    # Some kinds of tiltak are for people whose ability to work is permanently reduced: that is health data.
    pii = Pii.DIRECT if felt.is_ident else Pii.SPECIAL if felt.column == "tiltakstype" else Pii.INDIRECT
    return Column(felt.column, _TYPES[felt.type], felt.description, pii)


# Analysts fetch what is new by `mottatt_tidspunkt`: `endret_tidspunkt` stays when a date changes the status.
PERSONAL: tuple[Column, ...] = tuple(column(felt) for felt in (*FELTER, MOTTATT_TIDSPUNKT))
"""The columns of the view with all shared fields."""

WITHOUT_IDENTS: tuple[Column, ...] = tuple(each for each in PERSONAL if each.pii is not Pii.DIRECT)
"""The columns that identify neither the participant nor anybody who works in NAV."""


class View(NamedTuple):
    """One view. `persons` becomes a label of the view: how its rows identify people.

    `body` is its query in BigQuery's SQL, with `{source}` for the mirrored table.
    """

    name: str
    persons: str
    description: str
    columns: tuple[Column, ...]
    body: str

    @property
    def labels(self) -> Mapping[str, str]:
        """Return the labels of the view."""
        return {"app": "datadeling", "personopplysninger": self.persons}

    def query(self, source: str) -> str:
        """Return the query over the table with this name, which is in backticks."""
        return self.body.format(source=source, fewest=_FEWEST)


def _rows(columns: tuple[Column, ...]) -> str:
    names = ",\n  ".join(column.name for column in columns)
    return f"SELECT\n  {names}\nFROM {{source}}\nWHERE NOT feilregistrert"


_PER_MONTH = "\n".join(
    line
    for line in Path(__file__).with_name("tiltak_per_maaned.sql").read_text("utf-8").splitlines()
    if not line.startswith("--")
)
_NOT_FILTERED = (
    "Personer med adressebeskyttelse (fortrolig, strengt fortrolig) og skjermede personer er ikke filtrert "
    "bort."
)
_SHOWN = "Én rad per avtale, slik den er nå. Avtaler som er registrert ved en feil, er ikke med."
_ANTALL = f"Antall personer med inngått avtale og minst én dag i måneden; aldri under {_FEWEST}."

VIEWS: tuple[View, ...] = (
    View(
        "avtale",
        "direkte",
        f"Avtaler om arbeidsmarkedstiltak, med alle delte felt. {_SHOWN} Har deltakerens identitetsnummer og "
        f"NAV-identer: bare for dem med behandlingsgrunnlag. {_NOT_FILTERED}",
        PERSONAL,
        _rows(PERSONAL),
    ),
    View(
        "avtale_uten_personident",
        "indirekte",
        "Avtaler om arbeidsmarkedstiltak, uten deltakerens identitetsnummer og uten NAV-identer. "
        f"{_SHOWN} Fortsatt personopplysninger: den som vet noe om en avtale, kan kjenne den igjen. "
        f"{_NOT_FILTERED}",
        WITHOUT_IDENTS,
        _rows(WITHOUT_IDENTS),
    ),
    View(
        "tiltak_per_maaned",
        "aggregert",
        "Hvor mange som har vært på hver tiltakstype i hver måned som er over. Tall under "
        f"{_FEWEST} er utelatt, hele raden mangler da. Summer ikke over tiltakstyper: noen er på flere, og "
        "utelatte rader mangler. Tallene endres når avtaler registreres eller rettes i ettertid.",
        (
            Column("maaned", "DATE", "Første dag i måneden."),
            Column("tiltakstype", "STRING", "Hva slags tiltak; nye verdier kan komme."),
            Column("antall_deltakere", "INTEGER", _ANTALL),
        ),
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
