"""Bad tokens, callers without the right to call, and when the issuer's keys are fetched."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from datadeling.api.problems import Problem
from datadeling.api.security import tokens as auth
from datadeling.api.security.tokens import Authenticator, Caller, Keys, KeysUnavailable
from datadeling.config import EntraConfig
from tests.unit.api.conftest import NOW, Clock, FakeLookups
from tests.unit.api.issuer import CLIENT_ID, CONSUMER, KID, OBO_CONSUMER, ROLE, Issuer, new_key

_NOW = NOW.timestamp()
_FNR = "15877512360"


def _ask(client: FlaskClient, authorization: str | None) -> Any:
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
def test_no_token_is_401(authorization: str | None, client: FlaskClient) -> None:
    _expect_401(_ask(client, authorization))


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
        pytest.param({"aud": []}, id="for nobody"),
        pytest.param({"aud": [7]}, id="audience is a number"),
        pytest.param({"aud": {CLIENT_ID: 1}}, id="audience is an object"),
        pytest.param({"aud": None}, id="no audience"),
    ],
)
def test_wrong_claims_are_401(changes: dict[str, Any], client: FlaskClient, issuer: Issuer) -> None:
    _expect_401(_ask(client, f"Bearer {issuer.token(_NOW, **changes)}"))


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
        _expect_401(_ask(client, f"Bearer {token}"), name)
    assert _ask(client, f"Bearer {good}").status_code == 200


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
        pytest.param({"idtyp": None}, id="without idtyp, nobody's behalf"),
        pytest.param({"roles": [7, None, {}, ROLE]}, id="roles with odd things among them"),
    ],
)
def test_a_good_token_is_let_in(changes: dict[str, Any], client: FlaskClient, issuer: Issuer) -> None:
    assert _ask(client, f"bearer {issuer.token(_NOW, **changes)}").status_code == 200


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
    response = _ask(client, f"Bearer {issuer.token(_NOW, **changes)}")
    assert (response.status_code, response.json["kode"]) == (403, kode)
    assert response.content_type == "application/problem+json"
    assert lookups.calls == []


def test_403_has_the_missing_role_and_those_of_the_caller(client: FlaskClient, issuer: Issuer) -> None:
    response = _ask(client, f"Bearer {issuer.token(_NOW, roles=['b', 'a'])}")
    assert response.json is not None
    assert (response.json["mangler"], response.json["roller"]) == (ROLE, ["a", "b"])
    assert ROLE in response.json["detail"]
    assert "a, b" in response.json["detail"]


def test_a_client_that_checks_its_users_access_may_call_on_their_behalf(
    client: FlaskClient, issuer: Issuer
) -> None:
    token = issuer.token(_NOW, idtyp=None, roles=None, scp="x", NAVident="Z999999", azp=OBO_CONSUMER)
    assert _ask(client, f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("rule_method", ["GET", "POST", "OPTIONS"])
def test_every_route_under_the_api_requires_a_token(rule_method: str, client: FlaskClient) -> None:
    adapter = client.application.url_map.bind("")
    rules = [rule for rule in client.application.url_map.iter_rules() if rule.rule.startswith("/api/v1")]
    assert len(rules) >= 5
    for rule in rules:
        if rule_method in (rule.methods or set()):
            path = adapter.build(rule.endpoint, dict.fromkeys(rule.arguments, "x"), method=rule_method)
            assert client.open(path, method=rule_method).status_code == 401


def test_no_header_whatever_is_anything_but_401(entra: EntraConfig, clock: Clock, issuer: Issuer) -> None:
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


def test_a_token_that_was_good_is_refused_when_its_time_is_up(
    client: FlaskClient, issuer: Issuer, clock: Clock
) -> None:
    token = issuer.token(_NOW, exp=_NOW + 100, nbf=_NOW)
    for seconds, status in ((0, 200), (159, 200), (1, 401), (-220, 200), (-1, 401)):
        clock.advance(seconds)
        assert _ask(client, f"Bearer {token}").status_code == status


def test_a_token_that_was_good_is_refused_when_its_key_is_withdrawn(
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
    """By hand: PyJWT refuses to sign with a public key."""
    message = f"{_segment({'alg': 'HS256', 'kid': KID})}.{_segment(claims)}"
    signer = jwt.get_algorithm_by_name("HS256")
    return f"{message}.{_segment(signer.sign(message.encode(), secret))}"


def _signed_as_is(issuer: Issuer, payload: bytes) -> str:
    return jwt.PyJWS().encode(payload, issuer.key, "RS256", {"kid": KID})


@pytest.fixture
def keys(issuer: Issuer, clock: Clock) -> Keys:
    return Keys(issuer.uri, clock.monotonic)


def test_nothing_is_fetched_until_it_is_needed(keys: Keys, issuer: Issuer) -> None:
    assert issuer.fetches == 0
    for _ in range(3):
        assert keys.get(KID) == issuer.key.public_key()
    assert issuer.fetches == 1


def test_an_unknown_key_is_looked_for_at_most_every_30_seconds(
    keys: Keys, issuer: Issuer, clock: Clock
) -> None:
    assert keys.get("new") is None
    issuer.document = {"keys": [Issuer.jwk("new", issuer.key)]}
    clock.advance(29.9)
    assert keys.get("new") is None
    assert issuer.fetches == 1
    clock.advance(0.1)
    assert keys.get("new") is not None
    assert keys.get(KID) is None  # it has been withdrawn
    assert issuer.fetches == 2


def test_known_keys_work_while_the_endpoint_is_down(keys: Keys, issuer: Issuer, clock: Clock) -> None:
    keys.get(KID)
    issuer.down = True
    for _ in range(5):
        clock.advance(86_400)
        assert keys.get(KID) is not None
        assert keys.get("other") is None


def test_a_failed_fetch_is_not_tried_again_at_once(keys: Keys, issuer: Issuer, clock: Clock) -> None:
    issuer.down = True
    for left in (30, 20, 10):
        with pytest.raises(KeysUnavailable) as caught:
            keys.get(KID)
        assert caught.value.retry_after == left
        clock.advance(10)
    assert issuer.fetches == 1
    issuer.down = False
    assert keys.get(KID) is not None


def test_a_withdrawn_key_is_trusted_for_an_hour_at_most(keys: Keys, issuer: Issuer, clock: Clock) -> None:
    keys.get(KID)
    issuer.document = {"keys": [Issuer.jwk("new", new_key())]}
    clock.advance(3_600)
    assert keys.get(KID) is not None
    clock.advance(0.1)
    assert keys.get(KID) is None


@pytest.mark.parametrize(
    "document",
    [
        pytest.param([], id="a list"),
        pytest.param({}, id="no keys"),
        pytest.param({"keys": []}, id="an empty list"),
        pytest.param({"keys": {"kid": KID}}, id="keys in an object"),
        pytest.param({"keys": [None, 7, "x", {}]}, id="odd entries"),
        pytest.param({"keys": [{"kty": "RSA", "kid": KID}]}, id="a key without its numbers"),
        pytest.param({"keys": [{"kty": "RSA", "kid": KID, "n": 7, "e": "AQAB"}]}, id="wrong types"),
        pytest.param({"keys": [{"kty": "oct", "kid": KID, "k": "c2VjcmV0"}]}, id="a secret"),
        pytest.param({"keys": [{"kty": "EC", "kid": KID, "crv": "P-256", "x": "", "y": ""}]}, id="a curve"),
    ],
)
def test_a_document_without_a_usable_key_is_as_good_as_none(
    document: object, keys: Keys, issuer: Issuer
) -> None:
    issuer.document = document
    with pytest.raises(KeysUnavailable):
        keys.get(KID)


def test_odd_entries_do_not_take_the_others_along(keys: Keys, issuer: Issuer) -> None:
    good = Issuer.jwk(KID, issuer.key)
    encryption = {**good, "kid": "enc", "use": "enc"}
    issuer.document = {"keys": [7, {"kty": "RSA"}, encryption, {**good, "kid": None}, good]}
    assert keys.get(KID) is not None
    assert keys.get("enc") is None


def test_many_threads_fetch_once(keys: Keys, issuer: Issuer) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(keys.get, [KID, "unknown"] * 50))
    assert issuer.fetches == 1
    assert [key is None for key in found] == [False, True] * 50


def test_without_any_key_the_answer_is_503(
    client: FlaskClient, token: dict[str, str], issuer: Issuer
) -> None:
    issuer.down = True
    response = client.get("/api/v1/avtaler/x", headers=token)
    assert response.status_code == 503
    assert response.json is not None
    assert response.json["kode"] == "NOEKLER_UTILGJENGELIG"
    assert 1 <= int(response.headers["Retry-After"]) <= 30


def test_nothing_is_fetched_for_what_cannot_be_a_token_of_ours(client: FlaskClient, issuer: Issuer) -> None:
    for token in ("x", issuer.sign({}, kid=None), issuer.sign({}, algorithm="RS512")):
        assert (
            client.get("/api/v1/avtaler/x", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        )
    assert issuer.fetches == 0
