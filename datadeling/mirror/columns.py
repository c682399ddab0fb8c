"""The columns of the mirrored table, as Datastream makes them, and of the views."""

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

from datadeling.domain.felt import FELTER, MOTTATT_TIDSPUNKT, Felt, Sensitivity, Type

METADATA = "datastream_metadata"
"""A STRUCT that Datastream adds to every table that it mirrors. No view has it."""

LEFT_OUT: Mapping[str, str] = {
    "generation": "which meaning of offsets the place of the message belongs to: of use to us alone",
    "kafka_partition": "the place of the message: of use to us alone",
    "kafka_offset": "the place of the message: of use to us alone",
    "hendelse_tidspunkt": "orders versions, and there is one version of each avtale here",
}
"""The columns of `avtale` that are mirrored, but are in no view, and why."""


class Pii(Enum):
    """How personal a column is, in the words of the data marketplace. None of them is about groups."""

    DIRECT = "Direkte identifiserende"
    SPECIAL = "Særlig kategori"
    INDIRECT = "Kan være indirekte identifiserende"


class Column(NamedTuple):
    """One column of a view. `type` is BigQuery's own name for it, as its API says it."""

    name: str
    type: str
    meaning: str
    pii: Pii | None

    @property
    def description(self) -> str:
        """What an analyst is told of it, in Norwegian."""
        return f"{self.meaning} Personopplysning: {self.pii.value.lower()}." if self.pii else self.meaning


def column(felt: Felt) -> Column:
    """A shared field as a column."""
    pii = Pii.DIRECT if felt.sensitivity is not Sensitivity.OPEN else _SPECIAL.get(felt.column, Pii.INDIRECT)
    return Column(felt.column, _TYPES[felt.type], felt.description, pii)


# What Datastream makes of our types: uuid and text, integer, numeric(9,4), date, timestamptz, boolean.
_TYPES: Mapping[Type, str] = {
    Type.UUID: "STRING",
    Type.TEXT: "STRING",
    Type.INTEGER: "INTEGER",
    Type.NUMBER: "NUMERIC",
    Type.DATE: "DATE",
    Type.TIME: "TIMESTAMP",
    Type.BOOLEAN: "BOOLEAN",
}

# Some kinds of tiltak are for people whose ability to work is lastingly reduced: that tells of their health.
_SPECIAL: Mapping[str, Pii] = {"tiltakstype": Pii.SPECIAL}

FIELDS: tuple[Felt, ...] = (*FELTER, MOTTATT_TIDSPUNKT)
"""What rows of a view may tell: the shared fields, and since when we have had this version.

By the latter one can fetch only what is new: `endret_tidspunkt` stays when a date changes the status.
"""

PERSONAL: tuple[Column, ...] = tuple(column(felt) for felt in FIELDS)
"""All of them."""

WITHOUT_IDENTS: tuple[Column, ...] = tuple(
    column(felt) for felt in FIELDS if felt.sensitivity is Sensitivity.OPEN
)
"""Those that point out nobody, neither the participant nor anybody who works in NAV."""
