"""Who calls, and whether they may: tokens from Entra ID.

A machine's token needs the role `access_as_application`. A token on behalf of a user is accepted only from
clients that have promised to check their users' access themselves (`OBO_CONSUMERS`): else any employee could
look up anybody. Clients are told apart by `azp`; names are not unique.
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
from datadeling.errors import DatadelingError

ROLE = "access_as_application"
_ALGORITHMS = ["RS256"]
_LEEWAY = 60.0  # seconds that clocks may differ
_REQUIRED = ["iss", "aud", "exp"]
_MOST_TOKENS = 1_000  # that are known at once; then all are looked at anew
_LONGEST = 200  # characters of a name
_CHALLENGE = [("WWW-Authenticate", "Bearer")]
_FETCH_TIMEOUT = 2.0  # seconds
_PAUSE = 30.0  # seconds between two fetches, also when one failed: callers choose the `kid`
_MAX_AGE = 3_600.0  # seconds: a key that has been withdrawn is not trusted for longer
_MAX_BYTES = 1_000_000

log = structlog.get_logger(__name__)


class KeysUnavailable(DatadelingError):
    """No key has ever been fetched. Answer 503, and let the caller come back after `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("the token issuer's keys cannot be fetched")
        self.retry_after = retry_after


class Keys:
    """The issuer's keys by `kid`. For any number of threads; who has a known key does not wait for others."""

    def __init__(self, uri: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._uri = uri
        self._monotonic = monotonic
        self._keys: Mapping[str, RSAPublicKey] = {}
        self._fetched = -math.inf
        self._tried = -math.inf
        self._fetching = Lock()

    def get(self, kid: str) -> RSAPublicKey | None:
        """The key, or None when the issuer has none of that name.

        May block for a fetch, at most once every 30 s. Raise `KeysUnavailable` when there are no keys at all.
        """
        if kid not in self._keys:
            with self._fetching:
                self._refresh()
        elif self._is_old and self._is_due and self._fetching.acquire(blocking=False):
            try:
                self._refresh()
            finally:
                self._fetching.release()
        if not self._keys:
            raise KeysUnavailable(math.ceil(max(1.0, self._tried + _PAUSE - self._monotonic())))
        return self._keys.get(kid)

    @property
    def _is_old(self) -> bool:
        return self._monotonic() - self._fetched > _MAX_AGE

    @property
    def _is_due(self) -> bool:
        return self._monotonic() - self._tried >= _PAUSE

    def _refresh(self) -> None:
        if not self._is_due:
            return
        self._tried = self._monotonic()
        try:
            keys = _fetch(self._uri)
        except (OSError, HTTPException, ValueError, RecursionError) as error:
            log.warning("jwks_unavailable", error=type(error).__name__, known_keys=len(self._keys))
            return
        self._keys = keys
        self._fetched = self._monotonic()


def _fetch(uri: str) -> dict[str, RSAPublicKey]:
    """Raise `ValueError` when the answer holds no key that we can use."""
    with urlopen(uri, timeout=_FETCH_TIMEOUT) as response:  # noqa: S310 (config allows http and https only)
        document = json.loads(response.read(_MAX_BYTES))
    entries = document.get("keys") if isinstance(document, dict) else None
    keys = dict(filter(None, map(_key, entries if isinstance(entries, list) else [])))
    if not keys:
        raise ValueError("no usable key")
    return keys


def _key(entry: Any) -> tuple[str, RSAPublicKey] | None:  # noqa: ANN401 (from outside)
    """Entries that are not for RSA signatures are passed over: one odd key must not take the others along."""
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
        return None
    kid = entry.get("kid")
    try:
        key = jwt.PyJWK.from_dict(entry, algorithm="RS256").key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return (kid, key) if isinstance(kid, str) and isinstance(key, RSAPublicKey) else None


class Caller(NamedTuple):
    """Whom a valid token speaks for.

    `consumer` is the client's id (`azp`), `name` what it is called (`azp_name`), `nav_ident` the user on
    whose behalf it calls. `groups` are those of that user, or of the client.
    """

    consumer: str
    name: str | None
    nav_ident: str | None
    roles: frozenset[str]
    groups: frozenset[str]
    is_machine: bool


class _Verified(NamedTuple):
    """What a token said when its signature was found good, under which of the issuer's keys."""

    kid: str
    key: RSAPublicKey
    not_before: float
    expires: float
    caller: Caller


class Authenticator:
    """Lets calls through that carry a good token. `now` gives the time that tokens are held against.

    A signature is looked at once: a consumer sends the same token for an hour, and looking costs as much as
    all else that is done in Python for a lookup. Times are held against the clock each time, and a key
    that the issuer has withdrawn, or fetched anew, counts no more.
    """

    def __init__(self, entra: EntraConfig, keys: Keys, now: Callable[[], datetime]) -> None:
        self._entra = entra
        self._keys = keys
        self._now = now
        self._verified: dict[bytes, _Verified] = {}

    def caller(self, authorization: str) -> Caller:
        """Read the header `Authorization`. Raise `Problem` 401, or 503 when no key is known."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Problem(401, headers=_CHALLENGE)
        try:
            return self._known(token).caller
        except KeysUnavailable as error:
            raise unavailable("NOEKLER_UTILGJENGELIG", error.retry_after) from None
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Problem(401, headers=_CHALLENGE) from None

    def authorise(self, caller: Caller) -> None:
        """Raise `Problem` 403, which says what is missing and what the caller has."""
        if caller.is_machine:
            if ROLE not in caller.roles:
                raise forbidden("MANGLER_ROLLE", f"Klienten mangler rollen {ROLE}.", caller, mangler=ROLE)
        elif caller.consumer not in self._entra.obo_consumers:
            detail = "Klienten er ikke godkjent for token på vegne av brukere."
            raise forbidden("KLIENT_IKKE_GODKJENT", detail, caller, mangler="godkjenning av klienten")

    def _known(self, token: str) -> _Verified:
        """What a good token says. Raise what is wrong with it, or `KeysUnavailable`."""
        digest = hashlib.sha256(token.encode("ascii")).digest()
        known = self._verified.get(digest)
        if known is None or self._keys.get(known.kid) is not known.key:
            known = self._verify(token)
            if len(self._verified) >= _MOST_TOKENS:
                self._verified.clear()
            self._verified[digest] = known
        if not known.not_before - _LEEWAY <= self._now().timestamp() < known.expires + _LEEWAY:
            raise jwt.InvalidTokenError
        return known

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
            # The times are checked below, by our own clock.
            options={"require": _REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
        nbf = claims.get("nbf", 0)  # a token without nbf is valid from its making
        return _Verified(kid, key, _number(nbf), _number(claims["exp"]), _caller(claims))


def _number(value: object) -> float:
    """Raise `jwt.InvalidTokenError` for what is no number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise jwt.InvalidTokenError
    return value


def _caller(claims: Mapping[str, Any]) -> Caller:
    """Raise `jwt.InvalidTokenError` for a token that does not say which client it is for."""
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
    """A claim that the log can hold, None when there is none."""
    value = claims.get(name)
    return value[:_LONGEST] if isinstance(value, str) and value and "\0" not in value else None


def _texts(claims: Mapping[str, Any], name: str) -> frozenset[str]:
    values = claims.get(name)
    return (
        frozenset(value for value in values if isinstance(value, str))
        if isinstance(values, list)
        else frozenset()
    )


def forbidden(kode: str, detail: str, caller: Caller, *, mangler: str, **members: Any) -> Problem:  # noqa: ANN401
    """403: what is missing, and what the caller has."""
    roles = sorted(caller.roles)
    has = f"Rollene i tokenet: {', '.join(roles)}." if roles else "Tokenet har ingen roller."
    return Problem(403, kode=kode, detail=f"{detail} {has}", mangler=mangler, roller=roles, **members)
