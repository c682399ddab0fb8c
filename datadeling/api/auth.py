"""Who calls, and whether they may: tokens from Entra ID.

A machine's token needs the role `access_as_application`. A token on behalf of a user is accepted only from
clients that have promised to check their users' access themselves (`OBO_CONSUMERS`): else any employee could
look up anybody. Clients are told apart by `azp`; names are not unique.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import jwt
from flask import g, request
from structlog.contextvars import bind_contextvars

from datadeling.api.jwks import Keys, KeysUnavailable
from datadeling.api.problems import Problem, unavailable
from datadeling.config import EntraConfig

ROLE = "access_as_application"
_ALGORITHMS = ["RS256"]
_LEEWAY = 60.0  # seconds that clocks may differ
_REQUIRED = ["iss", "aud", "exp"]
_CHALLENGE = [("WWW-Authenticate", "Bearer")]


class Caller(NamedTuple):
    """Whom a valid token speaks for. `consumer` is the client's id (`azp`)."""

    consumer: str | None
    roles: frozenset[str]
    is_machine: bool


class Authenticator:
    """Lets calls through that carry a good token. `now` gives the time that tokens are held against."""

    def __init__(self, entra: EntraConfig, keys: Keys, now: Callable[[], datetime]) -> None:
        self._entra = entra
        self._keys = keys
        self._now = now

    def __call__(self) -> None:
        """For `before_request`: leave the caller in `g.caller`, or raise a `Problem`: 401, 403 or 503."""
        caller = self.caller(request.headers.get("Authorization", ""))
        g.caller = caller
        bind_contextvars(consumer=caller.consumer)
        self.authorise(caller)

    def caller(self, authorization: str) -> Caller:
        """Read the header `Authorization`. Raise `Problem` 401, or 503 when no key is known."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Problem(401, headers=_CHALLENGE)
        try:
            claims = self._claims(token)
        except KeysUnavailable as error:
            raise unavailable("NOEKLER_UTILGJENGELIG", error.retry_after) from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Problem(401, headers=_CHALLENGE) from None
        return _caller(claims)

    def authorise(self, caller: Caller) -> None:
        """Raise `Problem` 403, which says what is missing and what the caller has."""
        if caller.is_machine:
            if ROLE not in caller.roles:
                raise _forbidden("MANGLER_ROLLE", f"Klienten mangler rollen {ROLE}.", caller, mangler=ROLE)
        elif caller.consumer not in self._entra.obo_consumers:
            detail = "Klienten er ikke godkjent for token på vegne av brukere."
            raise _forbidden("KLIENT_IKKE_GODKJENT", detail, caller, mangler="godkjenning av klienten")

    def _claims(self, token: str) -> Mapping[str, Any]:
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        if header.get("alg") not in _ALGORITHMS or not isinstance(kid, str):
            raise jwt.InvalidTokenError  # before anything is fetched for its sake
        key = self._keys.get(kid)
        if key is None:
            raise jwt.InvalidTokenError
        claims = jwt.decode(
            token,
            key,
            algorithms=_ALGORITHMS,
            audience=self._entra.client_id,
            issuer=self._entra.issuer,
            # The times are checked below, by our own clock.
            options={"require": _REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
        if not _holds_at(claims, self._now().timestamp()):
            raise jwt.InvalidTokenError
        return claims


def _holds_at(claims: Mapping[str, Any], now: float) -> bool:
    exp, nbf = claims["exp"], claims.get("nbf", 0)  # a token without nbf is valid from its making
    return _is_number(exp) and _is_number(nbf) and nbf - _LEEWAY <= now < exp + _LEEWAY


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _caller(claims: Mapping[str, Any]) -> Caller:
    azp, roles, idtyp = claims.get("azp"), claims.get("roles"), claims.get("idtyp")
    is_machine = idtyp == "app" or (idtyp is None and "scp" not in claims and "NAVident" not in claims)
    return Caller(
        consumer=azp if isinstance(azp, str) and azp else None,
        roles=frozenset(role for role in roles if isinstance(role, str))
        if isinstance(roles, list)
        else frozenset(),
        is_machine=is_machine,
    )


def _forbidden(kode: str, detail: str, caller: Caller, *, mangler: str) -> Problem:
    roles = sorted(caller.roles)
    has = f"Rollene i tokenet: {', '.join(roles)}." if roles else "Tokenet har ingen roller."
    return Problem(403, kode=kode, detail=f"{detail} {has}", mangler=mangler, roller=roles)
