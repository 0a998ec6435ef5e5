"""Kafka with plain, SASL and TLS listeners in one process, and a schema registry (Apicurio, Confluent's API)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.servers.downloads import jars, unpacked
from tests.servers.process import Command, Server, Unavailable, free_port, start

KAFKA = ("org.apache.kafka", "kafka_2.13", "4.4.0")
REGISTRY = ("io.apicurio", "apicurio-registry-app", "3.3.3")
USER, PASSWORD = "alice", "wonderland-42"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_LOGIN = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class SecureKafka:
    """Listeners of a broker that ask for more than an address.

    Args:
        sasl: address; SASL without TLS.
        tls: address; client certificates are required.
        sasl_tls: address; SASL with TLS.
        ca: PEM of the authority that signed the broker's certificate.
        cert: PEM of a client certificate the broker accepts.
        key: PEM of its key.
    """

    sasl: str
    tls: str
    sasl_tls: str
    ca: str
    cert: str
    key: str

    @classmethod
    def of(cls, folder: Path) -> SecureKafka:
        """Those of the broker that was started in a folder."""
        return cls(**json.loads((folder / "secure.json").read_text()))


def start_kafka(folder: Path, settings: Mapping[str, str] | None = None, port: int = 0) -> tuple[Server, str]:
    """A single KRaft broker in a folder of its own; gives its plain bootstrap address.

    Args:
        folder: kept by the caller; a second start there finds the topics again.
        settings: further or other broker settings.
        port: of the plain listener, 0 = a free one.

    Raises:
        Unavailable: it cannot be fetched or started.
    """
    lib, port = jars(*KAFKA), port or free_port()
    secure = _secured(folder)
    config = folder / "server.properties"
    found = {**_plain(folder, port, free_port(), secure), **_guarded(folder), **(settings or {})}
    config.write_text("".join(f"{k}={v}\n" for k, v in found.items()))
    if not (folder / "data").exists():
        _format(lib, config)
    argv = ["java", "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-cp", f"{lib}/*", "kafka.Kafka", str(config)]
    brokers = f"127.0.0.1:{port}"
    ready = found["advertised.listeners"].startswith(f"PLAINTEXT://{brokers}")
    return start(Command(argv, folder), port, lambda: _lists_topics(brokers) if ready else None, 60), brokers


def _plain(folder: Path, port: int, controller: int, secure: SecureKafka) -> dict[str, str]:
    listeners = f"PLAINTEXT://127.0.0.1:{port},SASL://{secure.sasl},TLS://{secure.tls},SASLTLS://{secure.sasl_tls}"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": listeners,
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,"
        "TLS:SSL,SASLTLS:SASL_SSL",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "log.cleaner.dedupe.buffer.size": "2000000",
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
    }


def _guarded(folder: Path) -> dict[str, str]:
    """Who may log in at the secure listeners, and with what certificates."""
    found: dict[str, str] = {}
    plain = f'{_LOGIN}.plain.PlainLoginModule required username="x" password="x" user_{USER}="{PASSWORD}";'
    for listener in ("sasl", "sasltls"):
        prefix = f"listener.name.{listener}"
        found[f"{prefix}.sasl.enabled.mechanisms"] = ",".join(MECHANISMS)
        found[f"{prefix}.plain.sasl.jaas.config"] = plain
        for mechanism in MECHANISMS[1:]:
            found[f"{prefix}.{mechanism.lower()}.sasl.jaas.config"] = f"{_LOGIN}.scram.ScramLoginModule required;"
    for listener, client in (("tls", "required"), ("sasltls", "none")):
        prefix = f"listener.name.{listener}.ssl"
        found[f"{prefix}.keystore.type"] = found[f"{prefix}.truststore.type"] = "PEM"
        found[f"{prefix}.keystore.location"] = str(folder / "server.pem")
        found[f"{prefix}.truststore.location"] = str(folder / "ca.pem")
        found[f"{prefix}.client.auth"] = client
    return found


def _secured(folder: Path) -> SecureKafka:
    """Certificates and ports, made once per folder."""
    if (folder / "secure.json").exists():
        return SecureKafka.of(folder)
    import trustme

    ca = trustme.CA()
    server, client = ca.issue_cert("127.0.0.1", "localhost"), ca.issue_cert("alice@example.org")
    (folder / "ca.pem").write_bytes(ca.cert_pem.bytes())
    chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
    (folder / "server.pem").write_bytes(_pkcs8(server.private_key_pem.bytes()) + chain)
    found = SecureKafka(
        sasl=f"127.0.0.1:{free_port()}",
        tls=f"127.0.0.1:{free_port()}",
        sasl_tls=f"127.0.0.1:{free_port()}",
        ca=ca.cert_pem.bytes().decode(),
        cert=client.cert_chain_pems[0].bytes().decode(),
        key=client.private_key_pem.bytes().decode(),
    )
    (folder / "secure.json").write_text(json.dumps(asdict(found)))
    (folder / "env.json").write_text(json.dumps({"TESTMESH_TEST_KAFKA_FOLDER": str(folder)}))
    return found


def _pkcs8(pem: bytes) -> bytes:
    """A private key in the only form that Java's PEM stores read."""
    from cryptography.hazmat.primitives import serialization as form

    key = form.load_pem_private_key(pem, None)
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())


def _format(lib: Path, config: Path) -> None:
    users = [f"{mechanism}=[name={USER},password={PASSWORD}]" for mechanism in MECHANISMS[1:]]
    argv = ["java", "-cp", f"{lib}/*", "kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg",
            "-c", str(config), *(word for user in users for word in ("--add-scram", user))]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Unavailable(f"Kafka's StorageTool failed: {done.stderr[-400:]}")


def _lists_topics(brokers: str) -> None:
    from confluent_kafka.admin import AdminClient

    AdminClient({"bootstrap.servers": brokers, "log_level": 0}).list_topics(timeout=2)


def new_java() -> str | None:
    """A Java that the registry runs on (21 or newer); Debian 12's own is older, so this server is optional."""
    found = (path for version in (25, 24, 23, 22, 21) for path in Path("/usr/lib/jvm").glob(f"*-{version}-*/bin/java"))
    return next((str(path) for path in found), None)


def start_registry(folder: Path) -> tuple[Server, str]:
    """A schema registry that keeps everything in memory; gives the URL of its Confluent-compatible API.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: no Java 21 or newer, or it cannot be fetched or started.
    """
    java = new_java()
    if java is None:
        raise Unavailable("no Java 21 or newer in /usr/lib/jvm")
    home, port, management = unpacked(*REGISTRY, "all"), free_port(), free_port()
    argv = [java, "-Xmx512m", "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}",
            "-Dquarkus.management.host=127.0.0.1", f"-Dquarkus.management.port={management}",
            "-jar", str(home / "quarkus-run.jar")]  # fmt: skip
    url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
    return start(Command(argv, folder), port, lambda: _registry_answers(url), 60), url


def _registry_answers(url: str) -> None:
    import httpx

    httpx.get(f"{url}/subjects", timeout=2).raise_for_status()
