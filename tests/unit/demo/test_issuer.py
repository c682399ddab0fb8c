import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import jwt
import pytest

from datadeling.demo.issuer import TokenIssuer

AUDIENCE = "api"


@pytest.fixture
def issuer() -> Iterator[TokenIssuer]:
    with TokenIssuer() as issuer:
        yield issuer


def get(url: str) -> Any:
    with urlopen(url, timeout=5) as response:
        return json.load(response)


def verified(issuer: TokenIssuer, token: str) -> dict[str, Any]:
    """Verify a token as the API does, and return its claims."""
    key = jwt.PyJWKClient(issuer.jwks_uri).get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=["RS256"],
        audience=AUDIENCE,
        issuer=issuer.issuer,
        options={"require": ["exp", "nbf", "iat", "iss", "aud"]},
    )
    return claims


def test_a_token_is_verified_by_the_published_key(issuer: TokenIssuer) -> None:
    claims = verified(issuer, issuer.token(AUDIENCE))
    assert claims["idtyp"] == "app"
    assert claims["ver"] == "2.0"
    assert claims["roles"] == ["access_as_application"]
    assert claims["exp"] - claims["nbf"] == 3_900
    assert {"azp", "azp_name", "oid", "sub", "tid"} <= claims.keys()


def test_only_the_public_half_is_published(issuer: TokenIssuer) -> None:
    (key,) = get(issuer.jwks_uri)["keys"]
    assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}


def test_claims_are_added_replaced_and_left_out(issuer: TokenIssuer) -> None:
    token = issuer.token(AUDIENCE, roles=(), idtyp=None, NAVident="Z990000", azp="somebody")
    claims = verified(issuer, token)
    assert "idtyp" not in claims
    assert claims["roles"] == []
    assert (claims["NAVident"], claims["azp"]) == ("Z990000", "somebody")


def test_a_token_can_have_expired(issuer: TokenIssuer) -> None:
    with pytest.raises(jwt.ExpiredSignatureError):
        verified(issuer, issuer.token(AUDIENCE, lifetime_s=-1))


def test_another_issuers_key_does_not_verify(issuer: TokenIssuer) -> None:
    with TokenIssuer() as stranger:
        token = stranger.token(AUDIENCE, iss=issuer.issuer)
    with pytest.raises(jwt.PyJWKClientError):
        verified(issuer, token)


def test_anything_else_is_not_found(issuer: TokenIssuer) -> None:
    with pytest.raises(HTTPError, match="404") as raised:
        urlopen(f"{issuer.issuer}/token", timeout=5)
    raised.value.close()


def test_requests_are_not_logged(issuer: TokenIssuer, capfd: pytest.CaptureFixture[str]) -> None:
    get(issuer.jwks_uri)
    assert capfd.readouterr() == ("", "")


def test_nothing_answers_after_the_block() -> None:
    with TokenIssuer() as issuer:
        get(issuer.jwks_uri)
    with pytest.raises(URLError):
        get(issuer.jwks_uri)
