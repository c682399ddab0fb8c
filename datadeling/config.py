"""Environment in, frozen dataclasses out; nothing else reads the environment.

A missing or malformed variable raises `ConfigError` with one line that names every variable at fault,
never its value: `DB_URL` holds a password.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from datadeling.domain.felt import BY_NAME
from datadeling.errors import ConfigError

LogFormat = Literal["json", "text"]

_PARK_LIMIT = 100
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}", re.ASCII)  # what begins with ^ would be a pattern to librdkafka
_BROKER = r"(\w+://)?([^\s,:/]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?"
_BROKERS = re.compile(rf"({_BROKER})(,\s*({_BROKER}))*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths to PEM files, as Nais mounts them."""

    ca: Path
    certificate: Path
    private_key: Path


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """Where the topic is; plaintext when `tls` is None."""

    brokers: str
    topic: str
    group_id: str
    tls: Tls | None


@dataclass(frozen=True, slots=True)
class Retention:
    """Times for which data is kept: see adr/0014.

    `handled`, `unhandled`: failed messages, from when they were handled, or parked; `history`: superseded
    versions, from when they were; `operator_log`: records of what operators did; `replay_jobs`: replays that
    have ended; `lookup_log`: records of lookups, by whole months, from when the month has ended.
    """

    handled: timedelta = timedelta(days=30)
    unhandled: timedelta = timedelta(days=90)
    history: timedelta = timedelta(days=1_826)
    operator_log: timedelta = timedelta(days=1_827)
    replay_jobs: timedelta = timedelta(days=365)
    lookup_log: timedelta = timedelta(days=1_827)


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """Everything that `datadeling consume` needs. `batch_wait` is in seconds."""

    kafka: KafkaConfig
    db_url: str
    batch_size: int
    batch_wait: float
    park_limit: int
    port: int
    retention: Retention = Retention()


@dataclass(frozen=True, slots=True)
class OperatorConfig:
    """What the commands of an operator need. Without `kafka` they do without the broker."""

    db_url: str
    topic: str
    kafka: KafkaConfig | None
    retention: Retention = Retention()


@dataclass(frozen=True, slots=True)
class EntraConfig:
    """The issuer of tokens, and the audience and groups that they must have."""

    client_id: str
    issuer: str
    jwks_uri: str
    obo_consumers: frozenset[str]
    admin_group: str | None = None


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Everything that `datadeling serve` needs.

    `consumer_fields`: by client id, the names of the fields that a consumer may have; others may
    have all. `calls_per_second`: how often one consumer may call this process's workers; 0 is no limit.
    `topic`: the topic of the admin calls; without it there are none. `park_limit` is
    the consumer's, to report when it is reached.
    """

    db_url: str
    entra: EntraConfig
    port: int
    consumer_port: int
    workers: int = 2
    consumer_fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    calls_per_second: int = 0
    topic: str | None = None
    park_limit: int = _PARK_LIMIT


def consumer_config(env: Mapping[str, str]) -> ConsumerConfig:
    """Raise `ConfigError` unless the consumer can be started with this environment."""
    read = _Reader(env)
    config = ConsumerConfig(
        kafka=KafkaConfig(
            brokers=read.brokers(),
            topic=read.topic(),
            group_id=read.text("KAFKA_GROUP_ID"),
            tls=read.tls(),
        ),
        db_url=read.db_url(),
        batch_size=read.number("BATCH_SIZE", default=2_000, at_least=1, at_most=100_000),
        batch_wait=read.number("BATCH_WAIT_MS", default=200, at_least=1, at_most=60_000) / 1_000,
        park_limit=read.park_limit(),
        port=read.port("CONSUMER_PORT", default=8081),
        retention=read.retention(),
    )
    read.finish()
    return config


def operator_config(env: Mapping[str, str]) -> OperatorConfig:
    """Raise `ConfigError` unless the tables of a topic can be worked on with this environment."""
    read = _Reader(env)
    topic = read.topic()
    kafka = None
    if env.get("KAFKA_BROKERS"):
        kafka = KafkaConfig(read.brokers(), topic, group_id="", tls=read.tls())
    config = OperatorConfig(read.db_url(), topic, kafka, read.retention())
    read.finish()
    return config


def api_config(env: Mapping[str, str]) -> ApiConfig:
    """Raise `ConfigError` unless the API can be started with this environment."""
    read = _Reader(env)
    config = ApiConfig(
        db_url=read.db_url(),
        entra=EntraConfig(
            client_id=read.text("AZURE_APP_CLIENT_ID"),
            issuer=read.text("AZURE_OPENID_CONFIG_ISSUER"),
            jwks_uri=read.http_url("AZURE_OPENID_CONFIG_JWKS_URI"),
            obo_consumers=read.words("OBO_CONSUMERS"),
            admin_group=env.get("ADMIN_GROUP", "").strip() or None,
        ),
        port=read.port("PORT", default=8080),
        consumer_port=read.port("CONSUMER_PORT", default=8081),
        workers=read.number("WEB_CONCURRENCY", default=2, at_least=1, at_most=64),
        consumer_fields=read.consumer_fields("CONSUMER_FIELDS"),
        calls_per_second=read.number("CALLS_PER_SECOND", default=0, at_least=0, at_most=1_000_000),
        topic=read.topic() if env.get("KAFKA_TOPIC") else None,
        park_limit=read.park_limit(),
    )
    read.finish()
    return config


def db_url(env: Mapping[str, str]) -> str:
    """Return `DB_URL`, for commands that need the database alone. Raise `ConfigError`."""
    read = _Reader(env)
    url = read.db_url()
    read.finish()
    return url


def log_format(env: Mapping[str, str]) -> LogFormat:
    """Return `text` if `LOG_FORMAT` is that, else `json`. Raise `ConfigError`."""
    match env.get("LOG_FORMAT") or "json":
        case "json":
            return "json"
        case "text":
            return "text"
        case _:
            raise ConfigError("LOG_FORMAT must be json or text")


class _Reader:
    """Reads variables and collects their faults, so that one start reports all of them."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._faults: list[str] = []

    def finish(self) -> None:
        if self._faults:
            raise ConfigError("; ".join(self._faults))

    def text(self, name: str) -> str:
        value = self._env.get(name, "").strip()
        if not value:
            self._faults.append(f"{name} is not set")
        return value

    def matching(self, name: str, pattern: re.Pattern[str], what: str) -> str:
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            self._faults.append(f"{name} must be {what}")
        return value

    def brokers(self) -> str:
        return self.matching("KAFKA_BROKERS", _BROKERS, "host:port, several with commas between them")

    def topic(self) -> str:
        return self.matching("KAFKA_TOPIC", _TOPIC, "the name of one topic")

    def words(self, name: str) -> frozenset[str]:
        return frozenset(self._env.get(name, "").replace(",", " ").split())

    def consumer_fields(self, name: str) -> dict[str, frozenset[str]]:
        """Parse a JSON object with a list of field names for each client id."""
        try:
            given = msgspec.json.decode(
                self._env.get(name, "").strip() or "{}", type=dict[str, frozenset[str]]
            )
        except msgspec.MsgspecError:
            self._faults.append(
                f"{name} must be a JSON object with a list of names of fields for each client id"
            )
            return {}
        if any(not fields or fields - BY_NAME.keys() for fields in given.values()):
            self._faults.append(f"{name} must name fields that there are: {', '.join(BY_NAME)}")
        return given

    def number(self, name: str, *, default: int, at_least: int, at_most: int) -> int:
        text = self._env.get(name, "").strip()
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and at_least <= int(text[:12]) <= at_most):
            self._faults.append(f"{name} must be a whole number from {at_least} to {at_most}")
            return default
        return int(text)

    def park_limit(self) -> int:
        return self.number("PARK_LIMIT", default=_PARK_LIMIT, at_least=1, at_most=1_000_000)

    def port(self, name: str, *, default: int) -> int:
        return self.number(name, default=default, at_least=1, at_most=65_535)

    def days(self, name: str, default: timedelta) -> timedelta:
        return timedelta(days=self.number(name, default=default.days, at_least=1, at_most=36_500))

    def retention(self) -> Retention:
        default = Retention()
        return Retention(
            handled=self.days("KEEP_FAILED_DAYS", default.handled),
            unhandled=self.days("KEEP_UNHANDLED_DAYS", default.unhandled),
            history=self.days("KEEP_HISTORY_DAYS", default.history),
            operator_log=self.days("KEEP_OPERATOR_LOG_DAYS", default.operator_log),
            replay_jobs=self.days("KEEP_REPLAY_JOBS_DAYS", default.replay_jobs),
            lookup_log=self.days("KEEP_LOOKUP_LOG_DAYS", default.lookup_log),
        )

    def http_url(self, name: str) -> str:
        url = self.text(name)
        if url and urlsplit(url).scheme not in {"http", "https"}:
            self._faults.append(f"{name} must be an http or https address")
        return url

    def db_url(self) -> str:
        url = self.text("DB_URL")
        if url and not _is_libpq_uri(url):
            self._faults.append("DB_URL must be a libpq URI with one host (postgresql://…)")
        return url

    def tls(self) -> Tls | None:
        names = ("KAFKA_CA_PATH", "KAFKA_CERTIFICATE_PATH", "KAFKA_PRIVATE_KEY_PATH")
        given = [name for name in names if self._env.get(name)]
        if not given:
            return None
        self._faults += [f"{n} is not set, but {given[0]} is" for n in names if n not in given]
        paths = {name: Path(self._env.get(name, "")) for name in names}
        self._faults += [f"{name} names no readable file" for name in given if not _readable(paths[name])]
        return Tls(*paths.values())


def _is_libpq_uri(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError on what is not a port, and on several hosts
    except ValueError:
        return False
    return parts.scheme in {"postgresql", "postgres"} and "," not in parts.netloc


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False
