import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
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
    """The claims, when the token is as the API wants it."""
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


def test_discovery_leads_to_the_keys(issuer: TokenIssuer) -> None:
    discovery = get(f"{issuer.issuer}/.well-known/openid-configuration")
    assert discovery["issuer"] == issuer.issuer
    assert [key["kid"] for key in get(discovery["jwks_uri"])["keys"]] == [issuer.kid]


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


def test_rotation_publishes_a_new_key_beside_the_old(issuer: TokenIssuer) -> None:
    before = issuer.token(AUDIENCE)
    old, new = issuer.kid, issuer.rotate()
    after = issuer.token(AUDIENCE)
    assert [key["kid"] for key in get(issuer.jwks_uri)["keys"]] == [old, new]
    assert jwt.get_unverified_header(after)["kid"] == new == issuer.kid != old
    verified(issuer, before)
    verified(issuer, after)


def test_another_issuers_key_does_not_verify(issuer: TokenIssuer) -> None:
    stranger = TokenIssuer()
    try:
        token = stranger.token(AUDIENCE, iss=issuer.issuer)
    finally:
        stranger.stop()
    with pytest.raises(jwt.PyJWKClientError):
        verified(issuer, token)


def test_fetches_of_the_keys_are_counted(issuer: TokenIssuer) -> None:
    get(f"{issuer.issuer}/.well-known/openid-configuration")
    assert issuer.jwks_requests == 0
    get(issuer.jwks_uri)
    get(issuer.jwks_uri)
    assert issuer.jwks_requests == 2


def test_anything_else_is_not_found(issuer: TokenIssuer) -> None:
    with pytest.raises(HTTPError, match="404") as raised:
        urlopen(f"{issuer.issuer}/token", timeout=5)
    raised.value.close()


def test_says_nothing(issuer: TokenIssuer, capfd: pytest.CaptureFixture[str]) -> None:
    get(issuer.jwks_uri)
    assert capfd.readouterr() == ("", "")


def test_the_port_is_free_again_after_the_block() -> None:
    with TokenIssuer() as first:
        port = int(first.issuer.rpartition(":")[2])
    with TokenIssuer(port) as second:
        assert second.issuer == first.issuer
        get(second.jwks_uri)
