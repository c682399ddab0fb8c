"""Invalid tokens, and callers without the right to call."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from datadeling.api.problems import Problem
from datadeling.api.security import tokens as auth
from datadeling.api.security.tokens import Authenticator, Caller, Keys
from datadeling.config import EntraConfig
from tests.unit.api.conftest import NOW, Clock, FakeLookups
from tests.unit.api.issuer import CLIENT_ID, CONSUMER, KID, OBO_CONSUMER, ROLE, Issuer, new_key

_NOW = NOW.timestamp()
_FNR = "15877512360"


def _call(client: FlaskClient, authorization: str | None) -> Any:
    headers = {"Behandlingsnummer": "B123"}
    if authorization is not None:
        headers["Authorization"] = authorization
    return client.post("/api/v1/tiltaksstatus", json={"fnr": _FNR}, headers=headers)


def _segment(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def _unsigned(header: object, claims: object, signature: str = "") -> str:
    return f"{_segment(header)}.{_segment(claims)}.{signature}"


_HEADER = {"alg": "RS256", "kid": KID}


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param(None, id="no header"),
        pytest.param("", id="empty header"),
        pytest.param("Bearer", id="scheme alone"),
        pytest.param("Bearer ", id="empty token"),
        pytest.param("Basic YTpi", id="another scheme"),
        pytest.param("Bearer abc", id="no segments"),
        pytest.param("Bearer a.b.c", id="segments of nothing"),
        pytest.param("Bearer ÿ.ÿ.ÿ", id="not ASCII"),
        pytest.param(f"Bearer {_unsigned(b'not json', {})}", id="header is no JSON"),
        pytest.param(f"Bearer {_unsigned([], {})}", id="header is no object"),
        pytest.param(f"Bearer {_unsigned(b'[' * 5_000, {})}", id="header nested too deep"),
        pytest.param(f"Bearer {_unsigned(_HEADER, {})}", id="no signature"),
        pytest.param(f"Bearer {_unsigned(_HEADER, {}, 'AAAA')}", id="a signature of nothing"),
        pytest.param(f"Bearer {_unsigned({'alg': 'RS256', 'kid': 7}, {}, 'AAAA')}", id="kid is no text"),
        pytest.param(f"Bearer {_unsigned({'alg': ['RS256'], 'kid': KID}, {})}", id="alg is no text"),
    ],
)
def test_a_missing_or_malformed_token_is_401(authorization: str | None, client: FlaskClient) -> None:
    _expect_401(_call(client, authorization))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"azp": None}, id="no client id: the audit log could not name the caller"),
        pytest.param({"azp": 7}, id="client id that is no text"),
        pytest.param({"azp": [OBO_CONSUMER]}, id="client id in a list"),
        pytest.param({"exp": _NOW - 60}, id="expired"),
        pytest.param({"exp": None}, id="no exp"),
        pytest.param({"exp": "4102444800"}, id="exp is text"),
        pytest.param({"exp": True}, id="exp is a boolean"),
        pytest.param({"exp": float("nan")}, id="exp is not a number"),
        pytest.param({"exp": [4_102_444_800]}, id="exp is a list"),
        pytest.param({"nbf": _NOW + 61}, id="not yet valid"),
        pytest.param({"nbf": {}}, id="nbf is an object"),
        pytest.param({"iss": "https://login.example/v1.0"}, id="wrong issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"aud": "44444444-dddd-4ddd-8ddd-444444444444"}, id="for another audience"),
        pytest.param({"aud": []}, id="an empty list of audiences"),
        pytest.param({"aud": [7]}, id="audience is a number"),
        pytest.param({"aud": {CLIENT_ID: 1}}, id="audience is an object"),
        pytest.param({"aud": None}, id="no audience"),
    ],
)
def test_wrong_claims_are_401(changes: dict[str, Any], client: FlaskClient, issuer: Issuer) -> None:
    _expect_401(_call(client, f"Bearer {issuer.token(_NOW, **changes)}"))


def test_wrong_signatures_are_401(client: FlaskClient, issuer: Issuer) -> None:
    claims = issuer.claims(_NOW)
    public = issuer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    good = issuer.sign(claims)
    forged = {
        "another key under a known name": issuer.sign(claims, key=new_key()),
        "another key under its own name": issuer.sign(claims, key=new_key(), kid="key-2"),
        "no kid": issuer.sign(claims, kid=None),
        "another hash": issuer.sign(claims, algorithm="RS512"),
        "another padding": issuer.sign(claims, algorithm="PS256"),
        "alg none": jwt.encode(claims, "", "none", {"kid": KID}),
        "alg none, signed": jwt.encode(claims, "", "none", {"kid": KID}) + good.rsplit(".", 1)[1],
        "alg None": _unsigned({"alg": "None", "kid": KID}, claims),
        "HS256 with the public key": _hs256(claims, public),
        "HS256 with another secret": issuer.sign(claims, key="x" * 64, algorithm="HS256"),
        "altered claims": ".".join((good.split(".")[0], _segment({**claims, "x": 1}), good.split(".")[2])),
        "cut signature": good[:-4],
        "no signature": good.rsplit(".", 1)[0] + ".",
        "claims that are no object": _signed_as_is(issuer, b"[]"),
        "claims nested too deep": _signed_as_is(issuer, b'{"a":' * 2_000),
    }
    for name, token in forged.items():
        _expect_401(_call(client, f"Bearer {token}"), name)
    assert _call(client, f"Bearer {good}").status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": _NOW - 59}, id="expired within the leeway"),
        pytest.param({"nbf": _NOW + 60}, id="valid soon, within the leeway"),
        pytest.param({"nbf": None}, id="no nbf"),
        pytest.param({"exp": _NOW + 0.5}, id="times with fractions"),
        pytest.param({"aud": ["other", CLIENT_ID]}, id="for several audiences"),
        pytest.param({"iat": _NOW + 9_999}, id="issued in the future"),
        pytest.param({"azp_name": 7}, id="name that is no text"),
        pytest.param({"idtyp": None}, id="without idtyp or user"),
        pytest.param({"roles": [7, None, {}, ROLE]}, id="roles with invalid entries"),
    ],
)
def test_a_valid_token_is_accepted(changes: dict[str, Any], client: FlaskClient, issuer: Issuer) -> None:
    assert _call(client, f"bearer {issuer.token(_NOW, **changes)}").status_code == 200


@pytest.mark.parametrize(
    ("changes", "kode"),
    [
        pytest.param({"roles": None}, "MANGLER_ROLLE", id="no roles"),
        pytest.param({"roles": []}, "MANGLER_ROLLE", id="an empty list of roles"),
        pytest.param({"roles": ROLE}, "MANGLER_ROLLE", id="roles are a text"),
        pytest.param({"roles": {ROLE: True}}, "MANGLER_ROLLE", id="roles are an object"),
        pytest.param({"roles": 7}, "MANGLER_ROLLE", id="roles are a number"),
        pytest.param({"roles": [[ROLE]]}, "MANGLER_ROLLE", id="roles in a list in a list"),
        pytest.param({"roles": None, "idtyp": None}, "MANGLER_ROLLE", id="machine without idtyp"),
        pytest.param({"roles": None, "azp": OBO_CONSUMER}, "MANGLER_ROLLE", id="machine of an OBO client"),
        pytest.param({"idtyp": "user"}, "KLIENT_IKKE_GODKJENT", id="a user's token"),
        pytest.param({"idtyp": ["app"]}, "KLIENT_IKKE_GODKJENT", id="idtyp is a list"),
        pytest.param({"idtyp": None, "NAVident": "Z999999"}, "KLIENT_IKKE_GODKJENT", id="has a NAVident"),
        pytest.param({"idtyp": None, "scp": "defaultaccess"}, "KLIENT_IKKE_GODKJENT", id="has a scope"),
        pytest.param(
            {"idtyp": None, "NAVident": "Z999999", "azp_name": OBO_CONSUMER},
            "KLIENT_IKKE_GODKJENT",
            id="an OBO client's id as name",
        ),
    ],
)
def test_a_caller_without_the_right_gets_403(
    changes: dict[str, Any], kode: str, client: FlaskClient, issuer: Issuer, lookups: FakeLookups
) -> None:
    response = _call(client, f"Bearer {issuer.token(_NOW, **changes)}")
    assert (response.status_code, response.json["kode"]) == (403, kode)
    assert response.content_type == "application/problem+json"
    assert lookups.calls == []


def test_403_has_the_missing_role_and_those_of_the_caller(client: FlaskClient, issuer: Issuer) -> None:
    response = _call(client, f"Bearer {issuer.token(_NOW, roles=['b', 'a'])}")
    assert response.json is not None
    assert (response.json["mangler"], response.json["roller"]) == (ROLE, ["a", "b"])
    assert ROLE in response.json["detail"]
    assert "a, b" in response.json["detail"]


def test_an_approved_client_may_call_on_behalf_of_a_user(client: FlaskClient, issuer: Issuer) -> None:
    token = issuer.token(_NOW, idtyp=None, roles=None, scp="x", NAVident="Z999999", azp=OBO_CONSUMER)
    assert _call(client, f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("rule_method", ["GET", "POST", "OPTIONS"])
def test_every_route_under_the_api_requires_a_token(rule_method: str, client: FlaskClient) -> None:
    adapter = client.application.url_map.bind("")
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.rule.startswith("/api/v1")]
    assert len(rules) >= 5
    for rule in rules:
        if rule_method in (rule.methods or set()):
            path = adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "x"), method=rule_method)
            assert client.open(path, method=rule_method).status_code == 401


def test_any_header_without_a_valid_token_is_401(entra: EntraConfig, clock: Clock, issuer: Issuer) -> None:
    authenticator = Authenticator(entra, Keys(issuer.uri, clock.monotonic), clock)
    header = st.fixed_dictionaries({"alg": st.sampled_from(["RS256", "none", "HS256"]), "kid": st.just(KID)})
    tokens = st.builds(_unsigned, header, st.dictionaries(st.text(), st.integers()), st.text("AQ_-"))

    @given(st.one_of(st.text(), tokens))
    def check(token: str) -> None:
        with pytest.raises(Problem) as caught:
            authenticator.caller(f"Bearer {token}")
        assert caught.value.status == 401

    check()


def test_the_caller_is_identified_by_its_id(entra: EntraConfig, clock: Clock, issuer: Issuer) -> None:
    caller = Authenticator(entra, Keys(issuer.uri), clock).caller(f"Bearer {issuer.token(_NOW)}")
    assert caller == Caller(
        consumer=CONSUMER,
        name="prod-gcp:team:consumer",
        nav_ident=None,
        roles=frozenset({ROLE}),
        groups=frozenset(),
        is_machine=True,
    )


def test_a_verified_token_is_refused_after_it_has_expired(
    client: FlaskClient, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.token(_NOW, exp=_NOW + 100, nbf=_NOW)
    for seconds, status in ((0, 200), (159, 200), (1, 401), (-220, 200), (-1, 401)):
        clock.advance(seconds)
        assert _call(client, f"Bearer {token}").status_code == status


def test_a_verified_token_is_refused_after_its_key_was_withdrawn(
    issuer: Issuer, clock: Clock, entra: EntraConfig
) -> None:
    keys = Keys(issuer.uri, clock.monotonic)
    authenticator = Authenticator(entra, keys, clock)
    token = issuer.token(_NOW, exp=_NOW + 100_000)
    for _ in range(2):
        assert authenticator.caller(f"Bearer {token}").consumer == CONSUMER
    issuer.document = {"keys": [issuer.jwk("key-2", new_key())]}
    clock.advance(3_601)
    with pytest.raises(Problem) as caught:
        authenticator.caller(f"Bearer {token}")
    assert caught.value.status == 401
    issuer.document = {"keys": [issuer.jwk(KID, new_key())]}  # the same name for another key
    clock.advance(3_601)
    with pytest.raises(Problem):
        authenticator.caller(f"Bearer {token}")


def test_the_cache_of_verified_tokens_is_bounded(
    entra: EntraConfig, clock: Clock, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_MAX_VERIFIED", 3)
    authenticator = Authenticator(entra, Keys(issuer.uri, clock.monotonic), clock)
    for number in range(8):
        authenticator.caller(f"Bearer {issuer.token(_NOW, azp=f'client-{number}')}")
        assert len(authenticator._verified) <= 3
    assert authenticator.caller(f"Bearer {issuer.token(_NOW, azp='client-0')}").consumer == "client-0"


def _expect_401(response: Any, name: str = "") -> None:
    assert response.status_code == 401, name
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.content_type == "application/problem+json"
    assert response.json["kode"] == "UGYLDIG_TOKEN"


def _hs256(claims: dict[str, Any], secret: bytes) -> str:
    """Sign by hand, since PyJWT refuses to sign with a public key."""
    message = f"{_segment({'alg': 'HS256', 'kid': KID})}.{_segment(claims)}"
    signer = jwt.get_algorithm_by_name("HS256")
    return f"{message}.{_segment(signer.sign(message.encode(), secret))}"


def _signed_as_is(issuer: Issuer, payload: bytes) -> str:
    return jwt.PyJWS().encode(payload, issuer.key, "RS256", {"kid": KID})
