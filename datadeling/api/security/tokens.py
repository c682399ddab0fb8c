"""Tokens from Entra ID: authentication of callers, and the right to call at all.

A machine's token needs the role `access_as_application`. A token on behalf of a user is accepted only from
clients that have promised to check their users' access themselves (`OBO_CONSUMERS`): else any employee could
look anybody up. Clients are identified by `azp`; names are not unique.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from http.client import HTTPException
from threading import Lock
from typing import Any, NamedTuple
from urllib.request import urlopen

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from datadeling.api.problems import Problem, unavailable
from datadeling.config import EntraConfig

ROLE = "access_as_application"

_ALGORITHMS = ["RS256"]
_REQUIRED_CLAIMS = ["iss", "aud", "exp"]
_LEEWAY = 60.0  # seconds that clocks may differ
_MAX_VERIFIED = 1_000  # tokens in the cache
_MAX_TEXT = 200  # characters of a claim
_CHALLENGE = [("WWW-Authenticate", "Bearer")]
_FETCH_TIMEOUT = 2.0  # seconds
_FETCH_INTERVAL = 30.0  # seconds between two fetches, failed or not: callers choose the `kid`
_MAX_KEY_AGE = 3_600.0  # seconds: a withdrawn key is not trusted for longer
_MAX_JWKS_BYTES = 1_000_000

log = structlog.get_logger(__name__)


class Keys:
    """The issuer's keys by `kid`: fetched when one is needed, and kept while the issuer cannot be reached.

    Thread-safe. PyJWT's `PyJWKClient` fetches for every unknown `kid`, and drops keys that it cannot renew.
    """

    def __init__(self, uri: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._uri = uri
        self._monotonic = monotonic
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched = -math.inf
        self._tried = -math.inf
        self._fetching = Lock()

    def get(self, kid: str) -> RSAPublicKey | None:
        """Return the key, or None when the issuer has no such key. May block for a fetch.

        Raise `Problem` 503 when no key has ever been fetched.
        """
        is_unknown = kid not in self._keys
        is_old = self._monotonic() - self._fetched > _MAX_KEY_AGE
        # A caller with a known key does not wait while another one fetches.
        if (is_unknown or is_old) and self._fetching.acquire(blocking=is_unknown):
            try:
                self._refresh()
            finally:
                self._fetching.release()
        if not self._keys:
            next_fetch = self._tried + _FETCH_INTERVAL - self._monotonic()
            raise unavailable("NOEKLER_UTILGJENGELIG", math.ceil(max(1.0, next_fetch)))
        return self._keys.get(kid)

    def _refresh(self) -> None:
        if self._monotonic() - self._tried < _FETCH_INTERVAL:
            return
        self._tried = self._monotonic()
        try:
            keys = _fetch_keys(self._uri)
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            log.warning("jwks_unavailable", error=type(error).__name__, known_keys=len(self._keys))
            return
        self._keys = keys
        self._fetched = self._monotonic()


def _fetch_keys(uri: str) -> dict[str, RSAPublicKey]:
    """Fetch the keys. Raise `ValueError` when there is none that we can use."""
    with urlopen(uri, timeout=_FETCH_TIMEOUT) as response:  # noqa: S310 (config allows http and https only)
        document = json.loads(response.read(_MAX_JWKS_BYTES))
    entries = document.get("keys") if isinstance(document, dict) else None
    keys = dict(filter(None, map(_parse_key, entries if isinstance(entries, list) else [])))
    if not keys:
        raise ValueError("no usable key")
    return keys


def _parse_key(entry: Any) -> tuple[str, RSAPublicKey] | None:  # noqa: ANN401 (from outside)
    """Return None for an entry that is no RSA key for signatures: an odd one must not fail the others."""
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
        return None
    kid = entry.get("kid")
    try:
        key = jwt.PyJWK.from_dict(entry, algorithm="RS256").key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return (kid, key) if isinstance(kid, str) and isinstance(key, RSAPublicKey) else None


class Caller(NamedTuple):
    """The client that calls, and the user on whose behalf it calls.

    `consumer` is the client's id (`azp`), `name` its name (`azp_name`). `nav_ident` is the user, if any.
    `groups` are those of that user, or of the client.
    """

    consumer: str
    name: str | None
    nav_ident: str | None
    roles: frozenset[str]
    groups: frozenset[str]
    is_machine: bool


class _Verified(NamedTuple):
    """A token whose signature is good under one of the issuer's keys."""

    kid: str
    key: RSAPublicKey
    not_before: float
    expires: float
    caller: Caller


class Authenticator:
    """Verifies tokens. `now` returns the time to compare theirs with.

    A signature is verified once: a consumer sends the same token for an hour, and verifying costs as much as
    the rest of a lookup's Python. Times are compared at each call, and a token counts no longer when the
    issuer has withdrawn or replaced its key.
    """

    def __init__(self, entra: EntraConfig, keys: Keys, now: Callable[[], datetime]) -> None:
        self._entra = entra
        self._keys = keys
        self._now = now
        self._verified: dict[bytes, _Verified] = {}

    def caller(self, authorization: str) -> Caller:
        """Return the caller with this `Authorization` header. Raise `Problem` 401, or 503 without keys."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Problem(401, headers=_CHALLENGE)
        try:
            return self._verified_token(token).caller
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Problem(401, headers=_CHALLENGE) from None

    def authorise(self, caller: Caller) -> None:
        """Raise `Problem` 403, with what is missing, unless the caller may call."""
        if caller.is_machine:
            if ROLE not in caller.roles:
                raise forbidden("MANGLER_ROLLE", f"Klienten mangler rollen {ROLE}.", caller, mangler=ROLE)
        elif caller.consumer not in self._entra.obo_consumers:
            detail = "Klienten er ikke godkjent for token på vegne av brukere."
            raise forbidden("KLIENT_IKKE_GODKJENT", detail, caller, mangler="godkjenning av klienten")

    def _verified_token(self, token: str) -> _Verified:
        """Return a good token. Raise `Problem` 503, or PyJWT's or Python's error for a bad one."""
        digest = hashlib.sha256(token.encode("ascii")).digest()
        verified = self._verified.get(digest)
        if verified is None or self._keys.get(verified.kid) is not verified.key:
            verified = self._verify(token)
            if len(self._verified) >= _MAX_VERIFIED:
                self._verified.clear()
            self._verified[digest] = verified
        if not verified.not_before - _LEEWAY <= self._now().timestamp() < verified.expires + _LEEWAY:
            raise jwt.InvalidTokenError
        return verified

    def _verify(self, token: str) -> _Verified:
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
            # The times are compared at each call, with our own clock.
            options={
                "require": _REQUIRED_CLAIMS,
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        nbf = claims.get("nbf", 0)  # without nbf a token is valid from the start
        return _Verified(kid, key, _number(nbf), _number(claims["exp"]), _caller(claims))


def _number(value: object) -> float:
    """Raise `jwt.InvalidTokenError` for anything but a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise jwt.InvalidTokenError
    return value


def _caller(claims: Mapping[str, Any]) -> Caller:
    """Raise `jwt.InvalidTokenError` for a token without the id of its client."""
    idtyp, consumer = claims.get("idtyp"), _text(claims, "azp")
    if consumer is None:
        raise jwt.InvalidTokenError
    return Caller(
        consumer=consumer,
        name=_text(claims, "azp_name"),
        nav_ident=_text(claims, "NAVident"),
        roles=_texts(claims, "roles"),
        groups=_texts(claims, "groups"),
        is_machine=idtyp == "app" or (idtyp is None and "scp" not in claims and "NAVident" not in claims),
    )


def _text(claims: Mapping[str, Any], name: str) -> str | None:
    """Return a claim that PostgreSQL can hold, or None."""
    value = claims.get(name)
    return value[:_MAX_TEXT] if isinstance(value, str) and value and "\0" not in value else None


def _texts(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    values = claims.get(name)
    return frozenset(
        value for value in (values if isinstance(values, list) else ()) if isinstance(value, str)
    )


def forbidden(kode: str, detail: str, caller: Caller, *, mangler: str, **members: Any) -> Problem:  # noqa: ANN401
    """Return a `Problem` 403 with what is missing and the roles that the caller has."""
    roles = sorted(caller.roles)
    has = f"Rollene i tokenet: {', '.join(roles)}." if roles else "Tokenet har ingen roller."
    return Problem(403, kode=kode, detail=f"{detail} {has}", mangler=mangler, roller=roles, **members)
