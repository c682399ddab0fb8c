"""The values that enums are known to have, by their names in GraphQL. New ones come without warning."""

from collections.abc import Mapping

AVTALE_STATUS: Mapping[str, str] = {
    "ANNULLERT": "ANNULLERT",
    "AVBRUTT": "AVBRUTT",
    "PAABEGYNT": "PÅBEGYNT",
    "MANGLER_GODKJENNING": "MANGLER_GODKJENNING",
    "KLAR_FOR_OPPSTART": "KLAR_FOR_OPPSTART",
    "GJENNOMFORES": "GJENNOMFØRES",
    "AVSLUTTET": "AVSLUTTET",
}


def _same(*names: str) -> Mapping[str, str]:
    return {name: name for name in names}


TILTAKSTYPE = _same(
    "ARBEIDSTRENING",
    "MIDLERTIDIG_LONNSTILSKUDD",
    "VARIG_LONNSTILSKUDD",
    "MENTOR",
    "INKLUDERINGSTILSKUDD",
    "SOMMERJOBB",
    "VTAO",
    "FIREARIG_LONNSTILSKUDD",
)
OPPHAV = _same("VEILEDER", "ARBEIDSGIVER", "ARENA")
STILLINGSTYPE = _same("FAST", "MIDLERTIDIG")

ENUMS: Mapping[str, Mapping[str, str]] = {
    "tiltakstype": TILTAKSTYPE,
    "avtale_status": AVTALE_STATUS,
    "opphav": OPPHAV,
    "stillingstype": STILLINGSTYPE,
}
"""By column."""
