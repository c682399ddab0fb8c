"""A token issuer with a real JWKS endpoint over HTTP."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm

CLIENT_ID = "11111111-aaaa-4aaa-8aaa-111111111111"
CONSUMER = "22222222-bbbb-4bbb-8bbb-222222222222"
OBO_CONSUMER = "33333333-cccc-4ccc-8ccc-333333333333"
ISSUER = "https://login.example/v2.0"
ROLE = "access_as_application"
KID = "key-1"


def new_key() -> RSAPrivateKey:
    return rsa.generate_private_key(65_537, 2_048)


_first_key = cache(new_key)


class Issuer:
    """Signs tokens, and serves `document` unless it is `down`. `fetches` counts the requests."""

    def __init__(self) -> None:
        self.key = _first_key()
        self.document: object = {"keys": [self.jwk(KID, self.key)]}
        self.down = False
        self.fetches = 0
        self.uri = ""

    @staticmethod
    def jwk(kid: str, key: RSAPrivateKey) -> dict[str, Any]:
        return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}

    @staticmethod
    def claims(now: float, **changes: Any) -> dict[str, Any]:
        """Return the claims of a machine with these changes; None removes a claim."""
        claims = {
            "iss": ISSUER,
            "aud": CLIENT_ID,
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + 3_600,
            "azp": CONSUMER,
            "azp_name": "prod-gcp:team:consumer",
            "idtyp": "app",
            "roles": [ROLE],
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, now: float, **changes: Any) -> str:
        return self.sign(self.claims(now, **changes))

    def sign(
        self, claims: dict[str, Any], *, key: Any = None, algorithm: str = "RS256", kid: Any = KID
    ) -> str:
        headers = {} if kid is None else {"kid": kid}
        return jwt.encode(claims, self.key if key is None else key, algorithm, headers)


@contextmanager
def serving() -> Iterator[Issuer]:
    """Serve the issuer's endpoint until the block ends."""
    issuer = Issuer()

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += 1
            body = json.dumps(issuer.document).encode()
            self.send_response(500 if issuer.down else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        issuer.uri = f"http://127.0.0.1:{server.server_port}/keys"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
