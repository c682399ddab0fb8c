"""Issues tokens as Entra ID does, with a key that is created at start and published over HTTP."""

import json
import time
import uuid
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread
from typing import Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

_SERVICE_PRINCIPAL = "00000000-0000-4000-8000-00000000501d"
_BACKDATED_S = 300


class TokenIssuer:
    """Serves its public key on a free port of 127.0.0.1, in a thread, while the block runs. Thread-safe.

    Code in this process can issue tokens; nobody can over HTTP.
    """

    def __init__(self) -> None:
        self._kid = uuid.uuid4().hex
        self._key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
        jwk = RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        published = {name: jwk[name] for name in ("kty", "n", "e")}
        published |= {"use": "sig", "alg": "RS256", "kid": self._kid}
        self._server = _Server(json.dumps({"keys": [published]}).encode())
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.jwks_uri = f"{self.issuer}/jwks"

    def token(
        self,
        audience: str,
        *,
        roles: Sequence[str] = ("access_as_application",),
        lifetime_s: int = 3600,
        **claims: object,
    ) -> str:
        """Return a signed token of one application for another, valid from five minutes ago.

        With a negative `lifetime_s` it has expired. `claims` are added to the standard ones, or replace them;
        a claim that is None is left out. An on-behalf-of token has `idtyp=None` and a `NAVident`.
        """
        now = int(time.time())
        issued = min(now, now + lifetime_s) - _BACKDATED_S
        standard = {
            "iss": self.issuer,
            "aud": audience,
            "iat": issued,
            "nbf": issued,
            "exp": now + lifetime_s,
            "azp": "00000000-0000-4000-8000-0000000c11e7",
            "azp_name": "dev-local:demo:konsument",
            "oid": _SERVICE_PRINCIPAL,
            "sub": _SERVICE_PRINCIPAL,
            "tid": "00000000-0000-4000-8000-0000000007e4",
            "ver": "2.0",
            "idtyp": "app",
            "roles": list(roles),
        }
        payload = {name: value for name, value in (standard | claims).items() if value is not None}
        return jwt.encode(payload, self._key, algorithm="RS256", headers={"kid": self._kid})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, keys: bytes) -> None:
        self.keys = keys
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        if self.path != "/jwks":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(self.server.keys)

    def log_message(self, *_: object) -> None:
        """Log nothing."""
