"""The consumer's clients use TLS when the certificate files are configured."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from confluent_kafka import Producer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from datadeling.config import KafkaConfig, Tls
from datadeling.consumer.source import Source
from datadeling.consumer.topic import OPERATOR_TIMEOUT, Topic
from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.process import free_port
from datadeling.errors import BrokerUnavailable
from datadeling.pipeline.message import Message

TOPIC = "avtaler"
Key = ec.EllipticCurvePrivateKey


class TlsKafka(EmbeddedKafka):
    """A broker with a TLS listener, which requires a client certificate of our authority."""

    def __init__(self, keystore: Path, authority: Path) -> None:
        super().__init__()
        self.tls_port = free_port()
        self._stores = {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(authority),
            "ssl.client.auth": "required",
        }

    def _all_settings(self) -> dict[str, str]:
        settings = super()._all_settings() | self._stores
        for name in ("listeners", "advertised.listeners"):
            settings[name] += f",SSL://127.0.0.1:{self.tls_port}"
        settings["listener.security.protocol.map"] += ",SSL:SSL"
        return settings


def certificate(name: str, issuer: tuple[x509.Certificate, Key] | None) -> tuple[x509.Certificate, Key]:
    """Create a certificate for 127.0.0.1; without an issuer it is a certificate authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    issued = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(issuer[1] if issuer else key, hashes.SHA256())
    )
    return issued, key


def pem(issued: x509.Certificate) -> bytes:
    return issued.public_bytes(serialization.Encoding.PEM)


def key_pem(key: Key) -> bytes:
    no_password = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)


@pytest.fixture
def files(tmp_path: Path) -> Tls:
    """Create the files that Nais mounts, and the broker's keystore beside them."""
    authority = certificate("authority", None)
    client, client_key = certificate("client", authority)
    broker, broker_key = certificate("broker", authority)
    (tmp_path / "broker.pem").write_bytes(key_pem(broker_key) + pem(broker))
    (tmp_path / "ca.pem").write_bytes(pem(authority[0]))
    (tmp_path / "client.pem").write_bytes(pem(client))
    (tmp_path / "client.key").write_bytes(key_pem(client_key))
    return Tls(tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "client.key")


@pytest.fixture
def broker(files: Tls) -> Iterator[TlsKafka]:
    with TlsKafka(files.ca.parent / "broker.pem", files.ca) as broker:
        broker.create_topic(TOPIC, partitions=1)
        yield broker


def fetch_first(source: Source) -> list[Message]:
    """Return the first message, also when a slow broker takes the partition away and assigns it again."""
    give_up_at = time.monotonic() + 60
    started: set[int] = set()
    while time.monotonic() < give_up_at:
        started -= source.interrupted
        source.interrupted.clear()
        for partition in source.owned - started:
            source.start(partition, 0)
        started |= source.owned
        if messages := source.fetch(1, 0.1):
            return messages
    raise AssertionError("no message has been fetched")


def test_clients_with_certificate_files_connect_by_tls(broker: TlsKafka, files: Tls) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    producer.produce(TOPIC, b"value", b"key")
    assert producer.flush(60) == 0
    address = f"127.0.0.1:{broker.tls_port}"

    config = KafkaConfig(address, TOPIC, "group", files)
    source = Source(config)
    try:
        messages = fetch_first(source)
        assert [(m.key, m.value) for m in messages] == [(b"key", b"value")]
        assert Topic(config, OPERATOR_TIMEOUT).newest_timestamp(0) == messages[0].timestamp
    finally:
        source.close()

    with pytest.raises(BrokerUnavailable):
        Topic(replace(config, tls=None)).identity()
