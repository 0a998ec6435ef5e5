"""Kafka for a system under test: librdkafka's mock cluster in a process of its own, or a real broker.

The mock cluster speaks the real protocol in memory. Topics are made with one partition each before anybody asks,
because it would make an unknown one with four; and consumer groups form at once instead of after three seconds.
It answers a fetch only when the consumer's `fetch.wait.max.ms` is over, so consumers should keep that small.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from testmesh.environments.launching import LOOPBACK, harmless_environment, listening
from testmesh.environments.parts.part import Part, Place, RunningPart, substitute
from testmesh.environments.settings import PartSettings
from testmesh.guard.process import Command
from testmesh.kernel.errors import MissingExtra, UnavailableError

_START_SECONDS = 15.0
_PRODUCER = 0
_TOPIC_EXISTS = "TOPIC_ALREADY_EXISTS"


def _start(settings: PartSettings, place: Place) -> RunningPart:
    other = substitute("kafka")
    if other is not None:
        _create_topics(other, settings.topics)
        return RunningKafka(other)
    _library()
    address = place.folder / f"{settings.name}.address"
    address.unlink(missing_ok=True)
    argv = (sys.executable, "-m", __name__, str(address), *settings.topics)
    env = {**harmless_environment(), "PYTHONPATH": str(_import_root()), "PYTHONSAFEPATH": "1"}
    place.launcher.start(settings.name, Command(argv, cwd=place.folder, env=env))
    place.launcher.wait(settings.name, lambda: _answers(address), _START_SECONDS)
    return RunningKafka(address.read_text())


@dataclass(frozen=True, slots=True)
class RunningKafka:
    """A broker; its topics are not emptied, since flows read from where they begin.

    Args:
        address: `host:port`, several joined with commas.
    """

    address: str

    def reset(self) -> None:
        """Messages stay: every flow starts at the end of what is there."""

    def close(self) -> None:
        """Nothing outlives the process."""


def _answers(address: Path) -> bool:
    if not address.exists():
        return False
    _, _, port = address.read_text().partition(":")
    return listening(int(port))


def _import_root() -> Path:
    return Path(__file__).resolve().parents[3]


def _create_topics(brokers: str, topics: tuple[str, ...]) -> None:
    try:
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient
        from confluent_kafka.cimpl import NewTopic
    except ModuleNotFoundError as e:
        raise MissingExtra("confluent_kafka", "kafka") from e
    client = AdminClient({"bootstrap.servers": brokers})
    wanted = [NewTopic(topic, num_partitions=1, replication_factor=1) for topic in topics]
    if not wanted:
        return
    for topic, future in client.create_topics(wanted, operation_timeout=10.0).items():
        try:
            future.result(timeout=15.0)
        except KafkaException as e:
            if _TOPIC_EXISTS not in str(e):
                raise UnavailableError(f"kafka at {brokers}", f"topic {topic} could not be made: {e}") from e


def _library() -> Path:
    """The librdkafka that came with confluent-kafka's wheel."""
    try:
        import confluent_kafka
    except ModuleNotFoundError as e:
        raise MissingExtra("confluent_kafka", "kafka") from e
    package = Path(confluent_kafka.__file__).parent
    places = (package.parent / "confluent_kafka.libs", package / ".dylibs", package)
    for place in places:
        for file in sorted(place.glob("librdkafka*")):
            if ".so" in file.suffixes or file.suffix == ".dylib":
                return file
    raise UnavailableError("kafka", f"no librdkafka beside {package}", hint="use the wheel of confluent-kafka")


def serve(address: Path, topics: tuple[str, ...]) -> None:
    """Run a mock cluster with these topics until SIGTERM.

    Args:
        address: file that receives `host:port` once the topics exist.
        topics: names, one partition each.
    """
    rdkafka = ctypes.CDLL(str(_library()))
    pointer, integer, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    signatures = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_new": (pointer, [integer, pointer, text, ctypes.c_size_t]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, integer]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (integer, [pointer, text, integer, integer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
    }
    for name, (result, arguments) in signatures.items():
        getattr(rdkafka, name).restype = result
        getattr(rdkafka, name).argtypes = arguments
    problem = ctypes.create_string_buffer(512)
    handle = rdkafka.rd_kafka_new(_PRODUCER, rdkafka.rd_kafka_conf_new(), problem, len(problem))
    cluster = rdkafka.rd_kafka_mock_cluster_new(handle, 1)
    if not cluster:
        raise UnavailableError("kafka", f"no mock cluster: {problem.value.decode('utf-8', 'replace')}")
    rdkafka.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    for topic in topics:
        code = rdkafka.rd_kafka_mock_topic_create(cluster, topic.encode(), 1, 1)
        if code:
            raise UnavailableError("kafka", f"topic {topic} could not be made: error {code}")
    bootstraps: bytes = rdkafka.rd_kafka_mock_cluster_bootstraps(cluster)
    written = address.with_suffix(".part")
    written.write_bytes(bootstraps)
    written.rename(address)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


PART = Part("kafka", f"a mock Kafka cluster on {LOOPBACK}, one partition a topic", _start)

if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    serve(Path(sys.argv[1]), tuple(sys.argv[2:]))
