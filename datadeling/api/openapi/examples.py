"""Examples of requests and responses, by `operationId`. Persons in them are synthetic.

A call without any here gets one that is put together from the examples of its properties.
"""

from collections.abc import Mapping
from typing import Any

from datadeling.api.schemas import EXAMPLE_FNR, EXAMPLE_ID, EXAMPLE_TIME

Examples = dict[str, dict[str, Any]]

_EARLIER_FNR = "15877512441"  # synthetic, too
AVTALE: Mapping[str, Any] = {
    "avtaleId": EXAMPLE_ID,
    "avtaleNr": 123456,
    "deltakerFnr": EXAMPLE_FNR,
    "bedriftNr": "999999999",
    "veilederNavIdent": "Z999999",
    "tiltakstype": "MIDLERTIDIG_LONNSTILSKUDD",
    "avtaleStatus": "GJENNOMFØRES",
    "versjon": 3,
    "opphav": "VEILEDER",
    "startDato": "2026-02-01",
    "sluttDato": "2026-07-31",
    "stillingprosent": 62.5,
    "antallDagerPerUke": 3,
    "stillingstype": "MIDLERTIDIG",
    "avtaleInngaatt": EXAMPLE_TIME,
    "godkjentAvDeltaker": "2026-01-14T09:30:00+01:00",
    "godkjentAvArbeidsgiver": "2026-01-15T14:12:31.5+01:00",
    "godkjentAvVeileder": EXAMPLE_TIME,
    "godkjentAvBeslutter": EXAMPLE_TIME,
    "godkjentPaaVegneAv": False,
    "godkjentPaaVegneAvArbeidsgiver": False,
    "godkjentAvNavIdent": "Z999999",
    "godkjentAvBeslutterNavIdent": "Z888888",
    "annullertTidspunkt": None,
    "feilregistrert": False,
    "opprettetTidspunkt": "2026-01-12T10:00:00+01:00",
    "endretTidspunkt": EXAMPLE_TIME,
}
"""All fields of an avtale."""

VARIGHET = 181
"""The days of that avtale."""

_TILTAK = {
    name: {**AVTALE, "varighetDager": VARIGHET}[name]
    for name in (
        "avtaleId", "avtaleNr", "tiltakstype", "startDato", "sluttDato", "varighetDager", "stillingprosent",
        "antallDagerPerUke", "bedriftNr",
    )
}  # fmt: skip
_STATUS = {"paaTiltak": True, "antall": 1, "naavaerende": [_TILTAK], "kommende": [], "tidligere": []}
_NOT_ON_TILTAK = {"paaTiltak": False, "antall": 0, "naavaerende": [], "kommende": [], "tidligere": []}
_FEW = {name: AVTALE[name] for name in ("avtaleId", "tiltakstype", "startDato", "sluttDato")}
_MARKER = "AALrfUCd1FBfmm8MKjxPDp9eC4o8HX5CPC-ZDQ"


def _example(summary: str, value: object) -> dict[str, Any]:
    return {"summary": summary, "value": value}


REQUESTS: Mapping[str, Examples] = {
    "tiltaksstatus": {
        "iDag": _example("Er personen på tiltak i dag?", {"fnr": EXAMPLE_FNR}),
        "enDag": _example(
            "En bestemt dag, bare feltene som trengs, for en person som har byttet nummer",
            {
                "identer": [EXAMPLE_FNR, _EARLIER_FNR],
                "dato": "2026-03-01",
                "felter": ["tiltakstype", "startDato", "sluttDato", "varighetDager"],
            },
        ),
        "kjentDa": _example(
            "Det som var kjent på et tidspunkt", {"fnr": EXAMPLE_FNR, "tidspunkt": EXAMPLE_TIME}
        ),
    },
    "tiltaksstatusBolk": {
        "flere": _example(
            "Flere personer i ett kall",
            {
                "personer": [{"fnr": EXAMPLE_FNR}, {"identer": [_EARLIER_FNR]}],
                "dato": "2026-03-01",
                "felter": ["tiltakstype", "startDato", "sluttDato"],
            },
        ),
    },
    "sokAvtaler": {
        "person": _example(
            "En persons avtaler, bare feltene som trengs", {"fnr": EXAMPLE_FNR, "felter": list(_FEW)}
        ),
        "bedrift": _example(
            "Avtaler hos en bedrift med minst én dag i første halvår",
            {"bedriftNr": "999999999", "periode": {"fom": "2026-01-01", "tom": "2026-06-30"}},
        ),
        "nesteSide": _example(
            "Neste side av alle av en type (krever rollen bulk)",
            {"tiltakstype": "VTAO", "antall": 1000, "markoer": _MARKER},
        ),
    },
    "adminBestillReplay": {
        "alt": _example("Alt som topicet har", {"fromBeginning": True, "begrunnelse": "ny kolonne opphav"}),
        "enAvtale": _example("Bare meldingene om én avtale", {"avtaleId": EXAMPLE_ID}),
    },
}

RESPONSES: Mapping[str, Examples] = {
    "tiltaksstatus": {
        "paaTiltak": _example("Personen er på ett tiltak", _STATUS),
        "ikkePaaTiltak": _example("Personen er ukjent, eller er ikke på noe tiltak", _NOT_ON_TILTAK),
        "kjentDa": _example(
            "Med tidspunkt", {**_STATUS, "historikkKomplettFra": "2026-01-01T00:00:00+01:00"}
        ),
    },
    "tiltaksstatusBolk": {
        "flere": _example(
            "Én på tiltak, én ikke, én som det var noe galt med",
            {
                "resultater": [
                    {"kode": "OK", **_STATUS},
                    {"kode": "OK", **_NOT_ON_TILTAK},
                    {
                        "kode": "UGYLDIGE_FELT",
                        "feil": [{"felt": "fnr", "melding": "må være nøyaktig elleve siffer"}],
                    },
                ]
            },
        ),
    },
    "sokAvtaler": {
        "flereSider": _example("Det er flere", {"avtaler": [_FEW], "markoer": _MARKER}),
        "sisteSide": _example("Siste side", {"avtaler": [AVTALE], "markoer": None}),
        "ingen": _example("Ingen slike avtaler", {"avtaler": [], "markoer": None}),
    },
    "hentHistorikk": {
        "toVersjoner": _example(
            "Sluttdatoen ble utsatt",
            {
                "versjoner": [
                    {
                        "gyldigFra": EXAMPLE_TIME,
                        "gyldigTil": None,
                        "endret": ["sluttDato"],
                        "avtale": _FEW,
                    },
                    {
                        "gyldigFra": "2026-01-12T10:00:00+01:00",
                        "gyldigTil": EXAMPLE_TIME,
                        "endret": [],
                        "avtale": {**_FEW, "sluttDato": "2026-04-30"},
                    },
                ],
                "historikkKomplettFra": "2026-01-01T00:00:00+01:00",
            },
        ),
    },
    "hentAvtale": {
        "alt": _example("Alle felt", AVTALE),
        "felter": _example("Bare feltene i felter", _FEW),
    },
    "hentAvtaleMedNr": {
        "alt": _example("Alle felt", AVTALE),
        "felter": _example("Bare feltene i felter", _FEW),
    },
}


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Examples:
    """Return one example, put together from those of the properties."""
    return {"eksempel": _example("Et eksempel", _value(schema, schemas))}


def _value(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any JSON)
    if "example" in schema:
        return schema["example"]
    if "$ref" in schema:
        return _value(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("type") == "array":
        return [_value(schema["items"], schemas)]
    if "properties" not in schema:
        return None
    values = {name: _value(inner, schemas) for name, inner in schema["properties"].items()}
    required = schema.get("required", ())
    return {name: value for name, value in values.items() if value is not None or name in required}
