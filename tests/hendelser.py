"""Messages for tests, with the shared fields and a few fields that must not be stored."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from datadeling.pipeline.message import Message

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
FNR = "01890100150"  # synthetic: 80 has been added to the month


def avtale_id(number: int) -> str:
    """Return the avtaleId that stands for a number."""
    return str(UUID(int=number))


def hendelse(number: int = 1, **fields: Any) -> dict[str, Any]:
    """Return the fields of a message as the producer sends it, with some changed or added."""
    return {
        "hendelseType": "ENDRET",
        "avtaleId": avtale_id(number),
        "avtaleNr": number,
        "deltakerFnr": FNR,
        "deltakerFornavn": "Kåre",
        "bedriftNr": "999999999",
        "veilederNavIdent": "Z123456",
        "tiltakstype": "ARBEIDSTRENING",
        "avtaleStatus": "PÅBEGYNT",
        "versjon": 1,
        "opprettetTidspunkt": "2022-01-18T08:43",
        "sistEndret": "2022-02-04T08:46:39.573884Z",
        "startDato": "2022-02-01",
        "sluttDato": "2022-08-01",
        "stillingprosent": 50.5,
        "antallDagerPerUke": 3,
        "stillingstype": None,
        "avtaleInngått": "2022-01-20T12:00:00.123456789",
        "godkjentPaVegneAv": False,
        "godkjentPaVegneAvArbeidsgiver": False,
        "feilregistrert": False,
        "slettemerket": False,
        "maal": [{"id": avtale_id(99), "kategori": "ANNET", "beskrivelse": "å bli ferdig"}],
        **fields,
    }


def encoded(fields: dict[str, Any]) -> bytes:
    """Encode a message as it stands on the topic."""
    return json.dumps(fields, ensure_ascii=False).encode()


def melding(number: int = 1, *, offset: int = 0, partition: int = 0, **fields: Any) -> Message:
    """Return a record with a message; its time is `offset` minutes after `EPOCH`."""
    return record(offset, avtale_id(number).encode(), encoded(hendelse(number, **fields)), partition)


def tombstone(number: int, *, offset: int, partition: int = 0) -> Message:
    """Return a record that deletes an avtale."""
    return record(offset, avtale_id(number).encode(), None, partition)


def record(offset: int, key: bytes | None, value: bytes | None, partition: int = 0) -> Message:
    """Return a record with any key and value."""
    return Message(partition, offset, EPOCH + timedelta(minutes=offset), key, value)
