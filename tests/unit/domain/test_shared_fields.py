"""The descriptions of the shared fields agree. Each message names the file that lacks a field."""

from typing import Any

import msgspec
import pytest

from datadeling.domain.avtale import COLUMNS, SHARED, Avtale
from datadeling.domain.felt import FELTER, Felt, Type
from datadeling.domain.hendelse import Hendelse, name_in_message
from datadeling.pipeline.transform import read
from tests.hendelser import EPOCH, melding

_IN_HENDELSE = {"endret_tidspunkt": "sist_endret"}
_VALUES: dict[Type, Any] = {
    Type.TEXT: "VERDI",
    Type.INTEGER: 7,
    Type.NUMBER: 7.5,
    Type.DATE: "2031-07-07",
    Type.TIME: "2031-07-07T07:07:07",
    Type.BOOLEAN: True,
}
_WITH_ZONE = {"annullert_tidspunkt", "endret_tidspunkt"}


def test_every_field_of_an_avtale_is_described_once() -> None:
    described = [felt.column for felt in FELTER]
    undescribed = set(COLUMNS[:SHARED]) - set(described)
    assert not undescribed, f"describe {undescribed} in datadeling/domain/felt.py"
    assert len(set(described)) == len(described)
    assert len({felt.json for felt in FELTER}) == len(FELTER)


@pytest.mark.parametrize("felt", FELTER, ids=lambda felt: felt.column)
def test_a_described_field_is_part_of_an_avtale(felt: Felt) -> None:
    assert felt.column in COLUMNS[:SHARED], f"add {felt.column} to Avtale in datadeling/domain/avtale.py"


@pytest.mark.parametrize("felt", FELTER, ids=lambda felt: felt.column)
def test_a_described_field_is_read_from_a_message(felt: Felt) -> None:
    name = _IN_HENDELSE.get(felt.column, felt.column)
    names = {field.name for field in msgspec.structs.fields(Hendelse)}
    assert name in names, f"add {name} to Hendelse in datadeling/domain/hendelse.py"


@pytest.mark.parametrize(
    "felt", [felt for felt in FELTER if felt.type is not Type.UUID], ids=lambda felt: felt.column
)
def test_the_value_of_a_message_reaches_the_avtale(felt: Felt) -> None:
    value = _VALUES[felt.type]
    if felt.column in _WITH_ZONE:
        value += "Z"
    name = name_in_message(_IN_HENDELSE.get(felt.column, felt.column))
    where = f"set {felt.column} in transform() of datadeling/pipeline/transform.py"
    try:
        without, with_value = _read(), _read(**{name: value})
    except TypeError as error:  # an argument of Avtale is missing
        pytest.fail(f"{where}: {error}")
    assert getattr(without, felt.column) != getattr(with_value, felt.column), where


def _read(**fields: Any) -> Avtale:
    avtale = read(melding(**fields), 0, EPOCH)
    assert isinstance(avtale, Avtale)
    return avtale
