"""The keys that Entra ID signs tokens with: fetched when they are needed, kept when they cannot be."""

import json
import math
import time
from collections.abc import Callable, Mapping
from http.client import HTTPException
from threading import Lock
from typing import Any
from urllib.request import urlopen

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from datadeling.errors import DatadelingError

_TIMEOUT = 2.0  # seconds
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
    with urlopen(uri, timeout=_TIMEOUT) as response:  # noqa: S310 (config allows http and https only)
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
