"""The views: which columns each has, of which rows, and what analysts are told of it.

An avtale that was registered by mistake is in none of them, as in the API: a view cannot be asked for more.
"""

from collections.abc import Mapping
from typing import NamedTuple

from datadeling.mirror.columns import PERSONAL, WITHOUT_IDENTS, Column

FEWEST = 5
"""A group of fewer persons is not told of."""

SOURCE = "public_avtale"
"""What Datastream calls the table: its schema and its name."""

DATASET = "datastream_datadeling"
"""Where nada-datastream puts it: called after the database."""

_NOT_FILTERED = (
    "Personer med adressebeskyttelse (fortrolig, strengt fortrolig) og skjermede personer er ikke filtrert "
    "bort."
)
_SHOWN = "Én rad per avtale, slik den er nå. Avtaler som er registrert ved en feil, er ikke med."


class View(NamedTuple):
    """One view. `body` is its query in BigQuery's SQL, with `{source}` where the mirrored table is named."""

    name: str
    description: str
    columns: tuple[Column, ...]
    labels: Mapping[str, str]
    body: str

    def query(self, source: str) -> str:
        """The query over this table: a name in backticks."""
        return self.body.format(source=source)


def _rows(columns: tuple[Column, ...]) -> str:
    names = ",\n  ".join(column.name for column in columns)
    return f"SELECT\n  {names}\nFROM {{source}}\nWHERE NOT feilregistrert"


def _labels(persons: str) -> Mapping[str, str]:
    return {"app": "datadeling", "personopplysninger": persons}


# What counts as a tiltak is what the API's tiltaksstatus says: `is_tiltak` of db/queries/criteria.sql.
#
# One figure, of months that have ended, and no totals. What could be held against it would tell of groups
# that are too small to be told of: the parts against their total, of the part that is missing, and of how
# few take part in two kinds; avtaler against persons, of how few have two; a month that goes on, of who came
# today.
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
        _labels("direkte"),
        _rows(PERSONAL),
    ),
    View(
        "avtale_uten_personident",
        "Avtaler om arbeidsmarkedstiltak, uten deltakerens identitetsnummer og uten NAV-identer. "
        f"{_SHOWN} Fortsatt personopplysninger: den som vet noe om en avtale, kan kjenne den igjen. "
        f"{_NOT_FILTERED}",
        WITHOUT_IDENTS,
        _labels("indirekte"),
        _rows(WITHOUT_IDENTS),
    ),
    View(
        "tiltak_per_maaned",
        "Hvor mange som har vært på hver tiltakstype i hver måned som er over. Tall under "
        f"{FEWEST} er utelatt, hele raden mangler da. Summer ikke over tiltakstyper: noen er på flere, og "
        "utelatte rader mangler. Tallene endres når avtaler registreres eller rettes i ettertid.",
        (
            Column("maaned", "DATE", "Første dag i måneden.", None),
            Column("tiltakstype", "STRING", "Hva slags tiltak; nye verdier kan komme.", None),
            Column(
                "antall_deltakere",
                "INTEGER",
                f"Antall personer med inngått avtale og minst én dag i måneden; aldri under {FEWEST}.",
                None,
            ),
        ),
        _labels("aggregert"),
        _PER_MONTH,
    ),
)
"""All of them."""
