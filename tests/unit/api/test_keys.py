"""The issuer's keys: when they are fetched, and when they are trusted."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask.testing import FlaskClient

from datadeling.api.problems import Problem
from datadeling.api.security.tokens import Keys
from tests.unit.api.conftest import Clock
from tests.unit.api.issuer import KID, Issuer, new_key


@pytest.fixture
def keys(issuer: Issuer, clock: Clock) -> Keys:
    return Keys(issuer.uri, clock.monotonic)


def test_keys_are_fetched_once_when_needed(keys: Keys, issuer: Issuer) -> None:
    assert issuer.fetches == 0
    for _ in range(3):
        assert keys.get(KID) == issuer.key.public_key()
    assert issuer.fetches == 1


def test_an_unknown_key_causes_a_fetch_every_30_seconds_at_most(
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


def test_a_failed_fetch_is_retried_after_30_seconds(keys: Keys, issuer: Issuer, clock: Clock) -> None:
    issuer.down = True
    for left in (30, 20, 10):
        with pytest.raises(Problem) as caught:
            keys.get(KID)
        assert caught.value.headers == [("Retry-After", str(left))]
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
def test_a_document_without_a_usable_key_is_no_answer(document: object, keys: Keys, issuer: Issuer) -> None:
    issuer.document = document
    with pytest.raises(Problem):
        keys.get(KID)


def test_invalid_entries_are_skipped(keys: Keys, issuer: Issuer) -> None:
    good = Issuer.jwk(KID, issuer.key)
    encryption = {**good, "kid": "enc", "use": "enc"}
    issuer.document = {"keys": [7, {"kty": "RSA"}, encryption, {**good, "kid": None}, good]}
    assert keys.get(KID) is not None
    assert keys.get("enc") is None


def test_concurrent_threads_fetch_once(keys: Keys, issuer: Issuer) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(keys.get, [KID, "unknown"] * 50))
    assert issuer.fetches == 1
    assert [key is None for key in found] == [False, True] * 50


def test_a_call_without_any_key_is_503(client: FlaskClient, token: dict[str, str], issuer: Issuer) -> None:
    issuer.down = True
    response = client.get("/api/v1/avtaler/x", headers=token)
    assert response.status_code == 503
    assert response.json is not None
    assert response.json["kode"] == "NOEKLER_UTILGJENGELIG"
    assert 1 <= int(response.headers["Retry-After"]) <= 30


def test_a_malformed_token_causes_no_fetch(client: FlaskClient, issuer: Issuer) -> None:
    for token in ("x", issuer.sign({}, kid=None), issuer.sign({}, algorithm="RS512")):
        assert (
            client.get("/api/v1/avtaler/x", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        )
    assert issuer.fetches == 0
