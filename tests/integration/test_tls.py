"""With certificates the source speaks TLS to a broker that insists on it, and only then."""

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
from datadeling.consumer.topic import Topic
from datadeling.demo.kafka import EmbeddedKafka
from datadeling.demo.process import free_port
from datadeling.errors import BrokerUnavailable

TOPIC = "avtaler"
Key = ec.EllipticCurvePrivateKey


class TlsKafka(EmbeddedKafka):
    """A broker with one more listener, which takes only clients with a certificate of our authority."""

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
    """A certificate for 127.0.0.1; without an issuer an authority of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
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
    return made, key


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


def key_pem(key: Key) -> bytes:
    no_password = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)


@pytest.fixture
def files(tmp_path: Path) -> Tls:
    """The files that Nais would mount, and the broker's keystore."""
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


def test_tls_is_used_when_there_are_certificates(broker: TlsKafka, files: Tls) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    producer.produce(TOPIC, b"value", b"key")
    assert producer.flush(10) == 0
    address = f"127.0.0.1:{broker.tls_port}"

    config = KafkaConfig(address, TOPIC, "group", files)
    source = Source(config)
    source.subscribe()
    try:
        while not source.waiting:
            source.fetch(1, 0.1)
        source.start(0, 0)
        # A fetch may come back with nothing but news of the group.
        messages = next(filter(None, (source.fetch(1, 1.0) for _ in range(30))))
        assert [(m.key, m.value) for m in messages] == [(b"key", b"value")]
        assert Topic(config).newest_timestamp(0) == messages[0].timestamp
    finally:
        source.close()

    with pytest.raises(BrokerUnavailable):
        Topic(replace(config, tls=None)).identity()
