"""Issues tokens as Entra ID does, to try the API with: a key made at start, published over HTTP."""

import json
import time
import uuid
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import TCPServer, ThreadingMixIn
from threading import Lock, Thread
from typing import Any, NamedTuple, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

_TENANT = "00000000-0000-4000-8000-0000000007e4"
_CLIENT = "00000000-0000-4000-8000-0000000c11e7"
_SERVICE_PRINCIPAL = "00000000-0000-4000-8000-00000000501d"
_BACKDATED_S = 300
_STOP_POLL_S = 0.02


class _Key(NamedTuple):
    kid: str
    private: rsa.RSAPrivateKey

    @classmethod
    def make(cls) -> Self:
        return cls(uuid.uuid4().hex, rsa.generate_private_key(public_exponent=65_537, key_size=2_048))

    def published(self) -> dict[str, Any]:
        jwk = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": jwk["n"], "e": jwk["e"]}


class TokenIssuer:
    """Serves its keys on 127.0.0.1, in a thread, while the block runs. Thread-safe.

    Issues to whoever asks in this process, and to nobody over HTTP. `port` 0 is a free one. Raises `OSError`
    when the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self._keys = [_Key.make()]
        self._lock = Lock()
        self._jwks_requests = 0
        self._server = _Server(("127.0.0.1", port), self._answer)
        self._thread = Thread(
            target=self._server.serve_forever, args=(_STOP_POLL_S,), name="token-issuer", daemon=True
        )

    @property
    def issuer(self) -> str:
        """What tokens have as `iss`; the discovery document is below it."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def jwks_uri(self) -> str:
        """Where the keys are."""
        return f"{self.issuer}/jwks"

    @property
    def jwks_requests(self) -> int:
        """How many times the keys have been fetched."""
        return self._jwks_requests

    @property
    def kid(self) -> str:
        """The key that tokens are signed with now."""
        return self._keys[-1].kid

    def token(
        self,
        audience: str,
        *,
        roles: Sequence[str] = ("access_as_application",),
        lifetime_s: float = 3600,
        **claims: object,
    ) -> str:
        """A signed token as an application gets it for another, valid from five minutes ago.

        With a negative `lifetime_s` it has expired already. `claims` are added to those that it has, or
        replace them; one that is None is left out. An on-behalf-of token has `idtyp=None` and a `NAVident`.
        """
        now = int(time.time())
        expires = now + int(lifetime_s)
        issued = min(now, expires) - _BACKDATED_S
        standard = {
            "iss": self.issuer,
            "aud": audience,
            "iat": issued,
            "nbf": issued,
            "exp": expires,
            "azp": _CLIENT,
            "azp_name": "dev-local:demo:konsument",
            "oid": _SERVICE_PRINCIPAL,
            "sub": _SERVICE_PRINCIPAL,
            "tid": _TENANT,
            "ver": "2.0",
            "idtyp": "app",
            "roles": list(roles),
        }
        payload = {name: value for name, value in (standard | claims).items() if value is not None}
        key = self._keys[-1]
        return jwt.encode(payload, key.private, algorithm="RS256", headers={"kid": key.kid})

    def rotate(self) -> str:
        """Sign with a new key from now on and publish it beside the old ones; returns its kid."""
        key = _Key.make()
        self._keys.append(key)
        return key.kid

    def start(self) -> None:
        """Begin to answer; returns at once. An issuer is started once."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more and free the port; blocks for a moment."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answer(self, path: str) -> dict[str, Any] | None:
        match path:
            case "/.well-known/openid-configuration":
                return {
                    "issuer": self.issuer,
                    "jwks_uri": self.jwks_uri,
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            case "/jwks":
                with self._lock:
                    self._jwks_requests += 1
                return {"keys": [key.published() for key in self._keys]}
            case _:
                return None


class _Server(ThreadingMixIn, HTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], answer: Callable[[str], dict[str, Any] | None]) -> None:
        self.answer = answer
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own looks the address up in DNS, which can take seconds; nothing here needs the name.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10

    def do_GET(self) -> None:
        document = self.server.answer(self.path)
        body = json.dumps(document).encode()
        self.send_response(404 if document is None else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""
