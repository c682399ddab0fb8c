"""Environment in, dataclasses out, and one line for what is wrong."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from datadeling.config import Retention, Tls, api_config, consumer_config, log_format, operator_config
from datadeling.errors import ConfigError

CONSUMER = {
    "KAFKA_BROKERS": "127.0.0.1:9092",
    "KAFKA_TOPIC": "avtaler",
    "KAFKA_GROUP_ID": "datadeling",
    "DB_URL": "postgresql://bruker:hemmelig@127.0.0.1:5432/datadeling?sslmode=require",
}
API = {
    "DB_URL": CONSUMER["DB_URL"],
    "AZURE_APP_CLIENT_ID": "00000000-0000-0000-0000-000000000001",
    "AZURE_OPENID_CONFIG_ISSUER": "https://issuer.test/v2.0",
    "AZURE_OPENID_CONFIG_JWKS_URI": "https://issuer.test/keys",
}


def test_defaults() -> None:
    config = consumer_config(CONSUMER)
    assert (config.batch_size, config.batch_wait, config.port) == (2_000, 0.2, 8081)
    assert config.kafka.tls is None
    api = api_config(API)
    assert (api.port, api.consumer_port, api.entra.obo_consumers) == (8080, 8081, frozenset())
    assert (api.topic, api.entra.admin_group, api.park_limit) == (None, None, config.park_limit)


def test_every_missing_variable_is_named_in_one_line() -> None:
    with pytest.raises(ConfigError) as error:
        consumer_config({})
    text = str(error.value)
    assert "\n" not in text
    assert all(f"{name} is not set" in text for name in CONSUMER)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BATCH_SIZE", "0"),
        ("BATCH_SIZE", "many"),
        ("BATCH_SIZE", "1" * 5_000),
        ("BATCH_WAIT_MS", "-1"),
        ("CONSUMER_PORT", "70000"),
        ("DB_URL", "mysql://bruker:hemmelig@127.0.0.1/x"),
        ("DB_URL", "postgresql://bruker:hemmelig@a:1,b:2/x"),
        ("DB_URL", "hemmelig"),
        ("DB_URL", "postgresql://bruker:hemmelig@a:b/x"),
        ("KAFKA_TOPIC", "  "),
        ("KAFKA_TOPIC", "^hemmelig"),
        ("KAFKA_TOPIC", "a hemmelig"),
        ("KAFKA_BROKERS", ","),
        ("KAFKA_BROKERS", "hemmelig:port"),
    ],
)
def test_a_malformed_variable_is_named_and_its_value_is_not(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} ") as error:
        consumer_config({**CONSUMER, name: value})
    assert "hemmelig" not in str(error.value)
    assert value.strip() not in str(error.value) or len(value.strip()) < 3


@pytest.mark.parametrize(
    ("name", "field", "days"),
    [
        ("KEEP_FAILED_DAYS", "handled", 30),
        ("KEEP_UNHANDLED_DAYS", "unhandled", 90),
        ("KEEP_HISTORY_DAYS", "history", 1_826),
        ("KEEP_OPERATOR_LOG_DAYS", "operator_log", 1_827),
        ("KEEP_REPLAY_JOBS_DAYS", "replay_jobs", 365),
        ("KEEP_LOOKUP_LOG_DAYS", "lookup_log", 1_827),
    ],
)
def test_retention_is_the_same_for_consumer_and_operator(name: str, field: str, days: int) -> None:
    for read in (consumer_config, operator_config):
        assert getattr(read(CONSUMER).retention, field) == timedelta(days=days)
        changed = read({**CONSUMER, name: "7"}).retention
        assert changed == replace(Retention(), **{field: timedelta(days=7)})
        for malformed in ("0", "-1", "30 days", "1.5", "36501"):
            with pytest.raises(ConfigError, match=f"^{name} must be a whole number from 1 to 36500$"):
                read({**CONSUMER, name: malformed})


@pytest.mark.parametrize(
    "brokers", ["a", "a:1", "a-b.c:9092,10.0.0.1:9092, [::1]:9", "SSL://kafka.test:26484"]
)
def test_brokers(brokers: str) -> None:
    assert consumer_config({**CONSUMER, "KAFKA_BROKERS": brokers}).kafka.brokers == brokers


def test_tls_needs_all_three_files(tmp_path: Path) -> None:
    files = {}
    for name in ("KAFKA_CA_PATH", "KAFKA_CERTIFICATE_PATH", "KAFKA_PRIVATE_KEY_PATH"):
        files[name] = str(tmp_path / name)
        Path(files[name]).write_text("PEM", "utf-8")
    tls = consumer_config({**CONSUMER, **files}).kafka.tls
    assert tls == Tls(*map(Path, files.values()))
    del files["KAFKA_PRIVATE_KEY_PATH"]
    with pytest.raises(ConfigError, match=r"KAFKA_PRIVATE_KEY_PATH is not set, but KAFKA_CA_PATH is"):
        consumer_config({**CONSUMER, **files})
    with pytest.raises(ConfigError, match=r"KAFKA_PRIVATE_KEY_PATH names no readable file"):
        consumer_config({**CONSUMER, **files, "KAFKA_PRIVATE_KEY_PATH": str(tmp_path / "gone")})


def test_the_keys_address_must_be_http() -> None:
    with pytest.raises(ConfigError, match="AZURE_OPENID_CONFIG_JWKS_URI"):
        api_config({**API, "AZURE_OPENID_CONFIG_JWKS_URI": "file:///etc/passwd"})


def test_the_number_of_workers() -> None:
    assert api_config(API).workers == 2
    assert api_config({**API, "WEB_CONCURRENCY": "5"}).workers == 5
    with pytest.raises(ConfigError, match=r"^WEB_CONCURRENCY must be"):
        api_config({**API, "WEB_CONCURRENCY": "many"})


def test_settings_of_the_admin_calls_are_read() -> None:
    api = api_config({**API, "KAFKA_TOPIC": "avtaler", "ADMIN_GROUP": " a-group ", "PARK_LIMIT": "7"})
    assert (api.topic, api.entra.admin_group, api.park_limit) == ("avtaler", "a-group", 7)
    assert api_config({**API, "ADMIN_GROUP": "  "}).entra.admin_group is None
    with pytest.raises(ConfigError, match="KAFKA_TOPIC"):
        api_config({**API, "KAFKA_TOPIC": "two topics"})


def test_obo_consumers_are_a_list() -> None:
    assert api_config({**API, "OBO_CONSUMERS": "a, b c"}).entra.obo_consumers == {"a", "b", "c"}


@pytest.mark.parametrize(("value", "expected"), [("", "json"), ("json", "json"), ("text", "text")])
def test_log_format(value: str, expected: str) -> None:
    assert log_format({"LOG_FORMAT": value}) == expected


def test_an_unknown_log_format() -> None:
    with pytest.raises(ConfigError, match="LOG_FORMAT"):
        log_format({"LOG_FORMAT": "xml"})
