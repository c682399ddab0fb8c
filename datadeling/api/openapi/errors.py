"""Error responses as they are published: their schema, and the meaning of each `kode`, in Norwegian.

A test compares these with every `kode` in the source.
"""

from collections.abc import Mapping
from typing import NamedTuple

from marshmallow import fields

from datadeling.api.schemas import EXAMPLE_ID, ResponseSchema
from datadeling.api.texts import NO_FNR


def _text(example: str, description: str | None = None, *, allow_none: bool = False) -> fields.String:
    about = {"description": description} if description else {}
    return fields.String(required=True, allow_none=allow_none, metadata={**about, "example": example})


class FeilSvar(ResponseSchema):
    """An error in one field."""

    felt = _text("fnr", "Feltet i forespørselen; null når det ikke er et av våre.", allow_none=True)
    melding = _text(NO_FNR)


class ProblemSvar(ResponseSchema):
    """The body of every error response."""

    type = _text("about:blank")
    title = _text("Ugyldig forespørsel")
    status = fields.Integer(required=True, metadata={"example": 400})
    detail = _text("Forespørselen har feil, se feltet feil.")
    kode = _text("UGYLDIGE_FELT", "Stabil kode; nye kan komme.")
    traceId = _text(EXAMPLE_ID, "Kallets id, den samme som i Nav-Call-Id.")  # noqa: N815 (as in the response)
    feil = fields.List(
        fields.Nested(FeilSvar), metadata={"description": "Hva som er galt med hvilket felt, ved status 400."}
    )
    mangler = fields.String(metadata={"description": "Hva klienten mangler, ved status 403."})
    roller = fields.List(
        fields.String(), metadata={"description": "Rollene som klienten har, ved status 403."}
    )
    felter = fields.List(
        fields.String(),
        metadata={"description": "Feltene som klienten har lov til, når det er et felt som mangler."},
    )


class Code(NamedTuple):
    """One `kode`."""

    status: int
    meaning: str
    remedy: str

    @property
    def retry(self) -> bool:
        """Return True when the same request can succeed later, unchanged."""
        return self.status in {429, 500, 503}


_BY_ADMIN = "Bare for administratorer."
_WAIT = "Vent så lenge som Retry-After sier."

# fmt: off
CODES: Mapping[str, Code] = {
    "UGYLDIG_FORESPOERSEL": Code(400, "Forespørselen kan ikke leses som HTTP.", "Rett klienten."),
    "UGYLDIG_JSON": Code(400, "Kroppen er ikke gyldig JSON i UTF-8.", "Rett klienten."),
    "UGYLDIGE_FELT": Code(400, "Noe er galt med ett eller flere felt.",
                          "Se feltet feil: hvilket felt, og hva som er galt."),
    "MANGLER_BEHANDLINGSNUMMER": Code(400, "Headeren Behandlingsnummer mangler.",
                                      "Send behandlingen som oppslaget skjer under."),
    "UGYLDIG_BEHANDLINGSNUMMER": Code(400, "Headeren Behandlingsnummer er ikke B og tre siffer.",
                                      "Rett headeren: B123, eller B123,B456."),
    "MANGLER_KRITERIUM": Code(400, "Søket har ingen kriterier.", "Oppgi minst ett."),
    "UGYLDIG_TOKEN": Code(401, "Tokenet mangler, er utløpt, eller er ikke utstedt for dette API-et.",
                          "Hent nytt token og prøv én gang til."),
    "INGEN_TILGANG": Code(403, "Klienten har ikke tilgang.", "Ta kontakt med oss."),
    "MANGLER_ROLLE": Code(403, "Tokenet mangler rollen som står i mangler.",
                          "Be om rollen; se hvordan dere får tilgang."),
    "KLIENT_IKKE_GODKJENT": Code(
        403, "Tokenet er på vegne av en bruker, og klienten er ikke godkjent for det.",
        "Bruk maskintoken, eller be om å bli godkjent."),
    "MANGLER_FELT": Code(403, "Klienten har ikke lov til feltene som står i mangler.",
                         "Ta dem ut av felter eller kriteriene; felter i svaret er dem dere har lov til."),
    "MANGLER_GRUPPE": Code(403, f"{_BY_ADMIN} Brukeren er ikke i gruppen.", "Bruk en konto som er det."),
    "FINNES_IKKE": Code(404, "Adressen finnes ikke.", "Rett adressen."),
    "UKJENT_AVTALE": Code(404, "Det finnes ingen slik avtale som kan vises.", "Regn den som ukjent."),
    "UKJENT_REPLAY": Code(404, f"{_BY_ADMIN} Det finnes ikke noe slikt replay.", "Se listen."),
    "UKJENT_MELDING": Code(404, f"{_BY_ADMIN} Det finnes ingen slik melding.", "Se listen."),
    "ADMIN_IKKE_SATT_OPP": Code(404, f"{_BY_ADMIN} Tjenesten kjenner ikke topicet.", "Sett KAFKA_TOPIC."),
    "METODE_IKKE_TILLATT": Code(405, "Adressen har ikke denne metoden.",
                                "Bruk en av dem som står i headeren Allow."),
    "KONFLIKT": Code(409, f"{_BY_ADMIN} Det er ikke lenger i en tilstand for det.", "Hent det på nytt."),
    "AVSLUTTET_REPLAY": Code(409, f"{_BY_ADMIN} Replayet er over.", "Ingenting å gjøre."),
    "AVSLUTTET_MELDING": Code(409, f"{_BY_ADMIN} Meldingen er ferdig behandlet.", "Ingenting å gjøre."),
    "FOR_STOR": Code(413, "Kroppen er større enn 64 kB, eller 512 kB for bolk.", "Del den opp."),
    "FEIL_INNHOLDSTYPE": Code(415, "Kroppen er ikke application/json, eller den er komprimert.",
                              "Rett klienten."),
    "FOR_MANGE_KALL": Code(429, "Klienten kaller for ofte.", "Vent så mange sekunder som Retry-After sier."),
    "INTERN_FEIL": Code(500, "Noe gikk galt hos oss.", "Meld fra med traceId. Prøv igjen høyst én gang."),
    "UTILGJENGELIG": Code(503, "Tjenesten kan ikke svare nå.", _WAIT),
    "DATABASE_UTILGJENGELIG": Code(503, "Databasen svarer ikke i tide.", _WAIT),
    "OPPSLAG_AVVIST": Code(503, "Oppslaget kunne ikke gjøres eller loggføres, og er derfor ikke besvart.",
                           f"{_WAIT} Meld fra hvis det varer."),
    "NOEKLER_UTILGJENGELIG": Code(503, "Nøklene som tokenet skal sjekkes med, kan ikke hentes.", _WAIT),
    "ADMIN_OPPTATT": Code(503, f"{_BY_ADMIN} Noen andre holder på.", _WAIT),
}
# fmt: on
