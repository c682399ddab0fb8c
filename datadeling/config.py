"""Settings: the environment, read into frozen dataclasses. Nothing else reads the environment.

Missing and malformed variables raise one `ConfigError`, one line that names them all but no value: `DB_URL`
holds a password.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

import msgspec

from datadeling.domain.felt import BY_NAME
from datadeling.errors import ConfigError

LogFormat = Literal["json", "text"]

_BROKER = r"(\w+://)?([^\s,:/]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?"
_FORMS = {  # of a variable: a pattern, and the words for it
    "KAFKA_BROKERS": (rf"{_BROKER}(,\s*{_BROKER})*", "host:port, several with commas between them"),
    # librdkafka takes a name that begins with ^ as a pattern
    "KAFKA_TOPIC": (r"[A-Za-z0-9._-]{1,249}", "the name of one topic"),
    "DB_URL": (
        r"postgres(ql)?://([^@/?#]*@)?(\[[0-9A-Fa-f:.]+\]|[^],:/?#@[]*)(:\d{0,5})?([/?#].*)?",
        "a libpq URI with one host (postgresql://…)",
    ),
    "AZURE_OPENID_CONFIG_JWKS_URI": (r"https?://.+", "an http or https address"),
}


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
    """Times for which data is kept: see adr/0014."""

    handled: timedelta = timedelta(days=30)  # failed messages, from when they were handled
    unhandled: timedelta = timedelta(days=90)  # failed messages, from when they were parked
    history: timedelta = timedelta(days=1_826)  # versions, from when they were superseded
    operator_log: timedelta = timedelta(days=1_827)  # records of operator actions
    replay_jobs: timedelta = timedelta(days=365)  # replays that have ended
    lookup_log: timedelta = timedelta(days=1_827)  # whole months of lookups, from the end of the month


_KEEP = (  # the variable of each time, in their order
    "KEEP_FAILED_DAYS", "KEEP_UNHANDLED_DAYS", "KEEP_HISTORY_DAYS",
    "KEEP_OPERATOR_LOG_DAYS", "KEEP_REPLAY_JOBS_DAYS", "KEEP_LOOKUP_LOG_DAYS",
)  # fmt: skip


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
    """Settings of `datadeling serve`."""

    db_url: str
    entra: EntraConfig
    port: int
    consumer_port: int
    workers: int = 2
    # By client id, the names of the fields that a consumer may read; others may read all.
    consumer_fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    calls_per_second: int = 0  # limit for each consumer over the workers of this process; 0 is no limit
    topic: str | None = None  # of the admin calls; without it there are none
    park_limit: int = 100  # the consumer's, to report when it is reached


def consumer_config(env: Mapping[str, str]) -> ConsumerConfig:
    """Return the settings of the consumer. Raise `ConfigError`."""
    with _reading(env) as read:
        return ConsumerConfig(
            kafka=read.kafka(read.text("KAFKA_GROUP_ID")),
            db_url=read.text("DB_URL"),
            batch_size=read.number("BATCH_SIZE", 2_000, 1, 100_000),
            batch_wait=read.number("BATCH_WAIT_MS", 200, 1, 60_000) / 1_000,
            park_limit=read.number("PARK_LIMIT", 100, 1, 1_000_000),
            port=read.number("CONSUMER_PORT", 8081, 1, 65_535),
            retention=read.retention(),
        )


def operator_config(env: Mapping[str, str]) -> OperatorConfig:
    """Return the settings of the commands of an operator. Raise `ConfigError`."""
    with _reading(env) as read:
        return OperatorConfig(
            db_url=read.text("DB_URL"),
            topic=read.text("KAFKA_TOPIC"),
            kafka=read.kafka(group_id="") if env.get("KAFKA_BROKERS") else None,
            retention=read.retention(),
        )


def api_config(env: Mapping[str, str]) -> ApiConfig:
    """Return the settings of the API. Raise `ConfigError`."""
    with _reading(env) as read:
        return ApiConfig(
            db_url=read.text("DB_URL"),
            entra=EntraConfig(
                client_id=read.text("AZURE_APP_CLIENT_ID"),
                issuer=read.text("AZURE_OPENID_CONFIG_ISSUER"),
                jwks_uri=read.text("AZURE_OPENID_CONFIG_JWKS_URI"),
                obo_consumers=frozenset(env.get("OBO_CONSUMERS", "").replace(",", " ").split()),
                admin_group=env.get("ADMIN_GROUP", "").strip() or None,
            ),
            port=read.number("PORT", 8080, 1, 65_535),
            consumer_port=read.number("CONSUMER_PORT", 8081, 1, 65_535),
            workers=read.number("WEB_CONCURRENCY", 2, 1, 64),
            consumer_fields=read.consumer_fields("CONSUMER_FIELDS"),
            calls_per_second=read.number("CALLS_PER_SECOND", 0, 0, 1_000_000),
            topic=read.text("KAFKA_TOPIC") if env.get("KAFKA_TOPIC") else None,
            park_limit=read.number("PARK_LIMIT", 100, 1, 1_000_000),
        )


def db_url(env: Mapping[str, str]) -> str:
    """Return `DB_URL`, for commands that need the database alone. Raise `ConfigError`."""
    with _reading(env) as read:
        return read.text("DB_URL")


def log_format(env: Mapping[str, str]) -> LogFormat:
    """Return `LOG_FORMAT`, or `json` when it is not set. Raise `ConfigError`."""
    match env.get("LOG_FORMAT") or "json":
        case "json" | "text" as known:
            return known
    raise ConfigError("LOG_FORMAT must be json or text")


@contextmanager
def _reading(env: Mapping[str, str]) -> Iterator["_Reader"]:
    read = _Reader(env)
    yield read
    if read.faults:
        raise ConfigError("; ".join(dict.fromkeys(read.faults)))


@dataclass
class _Reader:
    """Reads variables and collects their faults, so that one start reports all of them."""

    env: Mapping[str, str]
    faults: list[str] = field(default_factory=list)

    def text(self, name: str) -> str:
        value = self.env.get(name, "").strip()
        pattern, form = _FORMS.get(name, (".*", ""))
        if not value:
            self.faults.append(f"{name} is not set")
        elif not re.fullmatch(pattern, value, re.ASCII):
            self.faults.append(f"{name} must be {form}")
        return value

    def number(self, name: str, default: int, at_least: int, at_most: int) -> int:
        text = self.env.get(name, "").strip() or str(default)
        if not (text.isascii() and text.isdigit() and at_least <= int(text[:12]) <= at_most):
            self.faults.append(f"{name} must be a whole number from {at_least} to {at_most}")
            return default
        return int(text)

    def retention(self) -> Retention:
        defaults = zip(_KEEP, astuple(Retention()), strict=True)
        days = [self.number(name, kept.days, 1, 36_500) for name, kept in defaults]
        return Retention(*map(timedelta, days))

    def consumer_fields(self, name: str) -> dict[str, frozenset[str]]:
        text = self.env.get(name, "").strip() or "{}"
        with suppress(msgspec.MsgspecError):
            fields_of = msgspec.json.decode(text, type=dict[str, frozenset[str]])
            if all(fields and fields <= BY_NAME.keys() for fields in fields_of.values()):
                return fields_of
        self.faults.append(f"{name} must be a JSON object with a list of names of fields for each client id")
        return {}

    def kafka(self, group_id: str) -> KafkaConfig:
        names, tls = ("KAFKA_CA_PATH", "KAFKA_CERTIFICATE_PATH", "KAFKA_PRIVATE_KEY_PATH"), None
        if present := [name for name in names if self.env.get(name)]:
            self.faults += [f"{n} is not set, but {present[0]} is" for n in names if n not in present]
            unreadable = [name for name in present if not os.access(self.env[name], os.R_OK)]
            self.faults += [f"{name} names no readable file" for name in unreadable]
            tls = Tls(*(Path(self.env.get(name, "")) for name in names))
        return KafkaConfig(self.text("KAFKA_BROKERS"), self.text("KAFKA_TOPIC"), group_id, tls)
