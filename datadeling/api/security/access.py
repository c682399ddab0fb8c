"""Access of consumers to fields, and to lookups that page through everything."""

from collections.abc import Iterable, Mapping, Sequence

from flask import g

from datadeling.api.problems import Feil, Problem, invalid_fields
from datadeling.api.security.tokens import Caller, forbidden
from datadeling.domain.felt import BY_NAME, Felt
from datadeling.domain.search import Search

BULK = "bulk"
"""The role that allows to page through everything."""

Fields = tuple[Felt, ...]

# A search by a value reveals it. The consumer has the numbers of persons and of avtaler already.
_REVEALED = {
    "bedrift_nr": ("bedriftNr",),
    "tiltakstype": ("tiltakstype",),
    "avtale_status": ("avtaleStatus",),
    "fom": ("startDato", "sluttDato"),
    "tom": ("startDato",),
    "feilregistrerte": ("feilregistrert",),  # a search with them and one without reveal it
}


class Access:
    """Names of fields by client id. A consumer that is not named may have every field."""

    def __init__(self, allowed: Mapping[str, frozenset[str]]) -> None:
        self._allowed = allowed

    def fields(self, requested: Sequence[str] | None, default: Fields, valid: Fields) -> Fields:
        """Return the fields to read, in the order of `valid`, and leave them in `g.felter`.

        Without a request these are those of `default` that the consumer may have. Raise `Problem` 400 for a
        name that is not in `valid`, 403 for fields that the consumer may not have.
        """
        caller: Caller = g.caller
        allowed = self._allowed.get(caller.consumer)
        if requested is None:
            felter = default if allowed is None else tuple(felt for felt in default if felt.json in allowed)
            if not felter:
                raise self._missing([felt.json for felt in default], caller)
        else:
            names = set(requested)
            felter = tuple(felt for felt in valid if felt.json in names)
            if len(felter) < len(names):
                known = ", ".join(felt.json for felt in valid)
                raise invalid_fields([Feil("felter", f"ukjent felt; gyldige er {known}")])
            self.require(felter)
        g.felter = felter
        return felter

    def require(self, felter: Iterable[Felt]) -> None:
        """Raise `Problem` 403 with the fields that the consumer may not have."""
        allowed = self._allowed.get(g.caller.consumer)
        if allowed is not None:
            missing = [felt.json for felt in felter if felt.json not in allowed]
            if missing:
                raise self._missing(missing, g.caller)

    def criteria(self, search: Search) -> None:
        """Raise `Problem` 403 unless the consumer may search by these criteria."""
        self.require(BY_NAME[name] for kind in search.kinds for name in _REVEALED.get(kind, ()))
        if not search.is_selective:
            require_bulk()

    def _missing(self, names: Sequence[str], caller: Caller) -> Problem:
        allowed = self._allowed.get(caller.consumer, frozenset())
        has = [name for name in BY_NAME if name in allowed]
        return forbidden(
            "MANGLER_FELT",
            f"Klienten har ikke lov til: {', '.join(names)}. Den har lov til: {', '.join(has)}.",
            caller,
            mangler=", ".join(names),
            felter=has,
        )


def require_bulk() -> None:
    """Raise `Problem` 403 unless the caller may page through everything."""
    caller: Caller = g.caller
    if not caller.is_machine or BULK not in caller.roles:
        detail = f"Uten et kriterium som peker ut noen, trenger klienten rollen {BULK}."
        raise forbidden("MANGLER_ROLLE", detail, caller, mangler=BULK)
