"""Every `kode` that an error can have, and when: what consumers may build on. New ones can come."""

from collections.abc import Mapping

KODER: Mapping[int, Mapping[str, str]] = {
    400: {
        "UGYLDIGE_FELT": "noe er galt med felt i forespørselen; feil sier hva",
        "UGYLDIG_JSON": "kroppen er ikke gyldig JSON",
        "UGYLDIG_FORESPOERSEL": "forespørselen kan ikke leses",
        "MANGLER_KRITERIUM": "søket har ingen kriterier",
        "MANGLER_BEHANDLINGSNUMMER": "headeren Behandlingsnummer mangler",
        "UGYLDIG_BEHANDLINGSNUMMER": "headeren Behandlingsnummer er ikke B og tre siffer",
    },
    401: {"UGYLDIG_TOKEN": "tokenet mangler, er utløpt eller ikke for oss"},
    403: {
        "MANGLER_ROLLE": "tokenet mangler rollen i mangler",
        "MANGLER_FELT": "klienten har ikke lov til feltene i mangler",
        "KLIENT_IKKE_GODKJENT": "klienten er ikke godkjent for token på vegne av brukere",
        "MANGLER_GRUPPE": "brukeren er ikke i gruppen for administratorer",
        "INGEN_TILGANG": "klienten har ikke tilgang",
    },
    404: {
        "UKJENT_AVTALE": "det finnes ingen slik avtale, eller den er feilregistrert",
        "FINNES_IKKE": "adressen, eller det den peker på, finnes ikke",
        "UKJENT_REPLAY": "det finnes ingen slik replay",
        "UKJENT_MELDING": "det finnes ingen slik feilet melding",
        "ADMIN_IKKE_SATT_OPP": "kallene for administratorer er ikke satt opp",
    },
    405: {"METODE_IKKE_TILLATT": "adressen tar andre metoder, se Allow"},
    409: {
        "AVSLUTTET_REPLAY": "replayen er ferdig eller avbrutt",
        "AVSLUTTET_MELDING": "meldingen er håndtert",
        "KONFLIKT": "det som kallet gjelder, er ikke lenger i en tilstand for det",
    },
    413: {"FOR_STOR": "kroppen er over 64 kB, for bolk 512 kB"},
    415: {"FEIL_INNHOLDSTYPE": "kroppen er ikke application/json, eller er komprimert"},
    429: {"FOR_MANGE_KALL": "klienten kaller for ofte, se Retry-After"},
    500: {"INTERN_FEIL": "noe gikk galt hos oss"},
    503: {
        "DATABASE_UTILGJENGELIG": "databasen svarer ikke, eller ikke i tide, se Retry-After",
        "OPPSLAG_AVVIST": "oppslaget kunne ikke gjøres eller loggføres, se Retry-After",
        "NOEKLER_UTILGJENGELIG": "nøklene til Entra ID kan ikke hentes, se Retry-After",
        "ADMIN_OPPTATT": "for mange kall fra administratorer på en gang",
        "UTILGJENGELIG": "utilgjengelig nå, se Retry-After",
    },
}
"""By status."""
