"""Settings: the environment, read into frozen dataclasses. Nothing else reads the environment.

Missing and malformed variables raise one `ConfigError`, one line that names them all but no value: `DB_URL`
holds a password.
"""

import re
from collections.abc import Callable, Mapping
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
_TOPIC = re.compile(
    r"[A-Za-z0-9._-]{1,249}", re.ASCII
)  # librdkafka takes a name that begins with ^ as a pattern
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
    """The broker and the topic; plaintext when `tls` is None."""

    brokers: str
    topic: str
    group_id: str
    tls: Tls | None


@dataclass(frozen=True, slots=True)
class Retention:
    """Times for which data is kept: see adr/0014.

    `handled`, `unhandled`: failed messages, counted from when they were handled, or parked. `history`:
    versions, from when they were superseded. `operator_log`: records of operator actions. `replay_jobs`:
    replays that have ended. `lookup_log`: records of lookups, by whole months, from the end of the month.
    """

    handled: timedelta = timedelta(days=30)
    unhandled: timedelta = timedelta(days=90)
    history: timedelta = timedelta(days=1_826)
    operator_log: timedelta = timedelta(days=1_827)
    replay_jobs: timedelta = timedelta(days=365)
    lookup_log: timedelta = timedelta(days=1_827)


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """Settings of `datadeling consume`. `batch_wait` is in seconds."""

    kafka: KafkaConfig
    db_url: str
    batch_size: int
    batch_wait: float
    park_limit: int
    port: int
    retention: Retention = Retention()


@dataclass(frozen=True, slots=True)
class OperatorConfig:
    """Settings of the commands of an operator. `kafka` is None when they have no broker."""

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
    """Settings of `datadeling serve`.

    `consumer_fields`: by client id, the names of the fields that a consumer may read; others may read all.
    `calls_per_second`: limit for each consumer over the workers of this process; 0 is no limit. `topic`: that
    of the admin calls; without it there are none. `park_limit` is the consumer's, to report when it is
    reached.
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
    """Return the settings of the consumer. Raise `ConfigError`."""
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
    """Return the settings of the commands of an operator. Raise `ConfigError`."""
    read = _Reader(env)
    topic = read.topic()
    kafka = None
    if env.get("KAFKA_BROKERS"):
        kafka = KafkaConfig(read.brokers(), topic, group_id="", tls=read.tls())
    config = OperatorConfig(read.db_url(), topic, kafka, read.retention())
    read.finish()
    return config


def api_config(env: Mapping[str, str]) -> ApiConfig:
    """Return the settings of the API. Raise `ConfigError`."""
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
    """Return `LOG_FORMAT`, or `json` when it is not set. Raise `ConfigError`."""
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

    def matching(self, name: str, is_valid: Callable[[str], object], form: str) -> str:
        value = self.text(name)
        if value and not is_valid(value):
            self._faults.append(f"{name} must be {form}")
        return value

    def brokers(self) -> str:
        return self.matching(
            "KAFKA_BROKERS", _BROKERS.fullmatch, "host:port, several with commas between them"
        )

    def topic(self) -> str:
        return self.matching("KAFKA_TOPIC", _TOPIC.fullmatch, "the name of one topic")

    def db_url(self) -> str:
        return self.matching("DB_URL", _is_libpq_uri, "a libpq URI with one host (postgresql://…)")

    def http_url(self, name: str) -> str:
        return self.matching(name, _is_http_url, "an http or https address")

    def words(self, name: str) -> frozenset[str]:
        return frozenset(self._env.get(name, "").replace(",", " ").split())

    def consumer_fields(self, name: str) -> dict[str, frozenset[str]]:
        """Parse a JSON object with a list of field names for each client id."""
        try:
            text = self._env.get(name, "").strip() or "{}"
            fields_of = msgspec.json.decode(text, type=dict[str, frozenset[str]])
        except msgspec.MsgspecError:
            self._faults.append(
                f"{name} must be a JSON object with a list of names of fields for each client id"
            )
            return {}
        if any(not fields or fields - BY_NAME.keys() for fields in fields_of.values()):
            self._faults.append(f"{name} must name fields that there are: {', '.join(BY_NAME)}")
        return fields_of

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

    def tls(self) -> Tls | None:
        names = ("KAFKA_CA_PATH", "KAFKA_CERTIFICATE_PATH", "KAFKA_PRIVATE_KEY_PATH")
        present = [name for name in names if self._env.get(name)]
        if not present:
            return None
        self._faults += [f"{n} is not set, but {present[0]} is" for n in names if n not in present]
        paths = {name: Path(self._env.get(name, "")) for name in names}
        self._faults += [f"{name} names no readable file" for name in present if not _readable(paths[name])]
        return Tls(*paths.values())


def _is_http_url(url: str) -> bool:
    return urlsplit(url).scheme in {"http", "https"}


def _is_libpq_uri(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError on a malformed port, and on several hosts
    except ValueError:
        return False
    return parts.scheme in {"postgresql", "postgres"} and "," not in parts.netloc


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False
