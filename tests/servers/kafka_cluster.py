"""A Kafka cluster of several brokers inside librdkafka, whose leaders move and whose brokers go when a test says so."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

from tests.servers.process import Unavailable

_PRODUCER = 0


def _library() -> ctypes.CDLL:
    """The librdkafka that came with the wheel; its own tests use the same cluster."""
    try:
        import confluent_kafka
    except ImportError as error:
        raise Unavailable("the wheel 'confluent-kafka' is not installed") from error
    beside = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    found = sorted(beside.glob("librdkafka-*.so*"))
    if not found:
        raise Unavailable("this confluent-kafka does not bring its own librdkafka")
    library = ctypes.CDLL(str(found[0]))
    pointers = ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new")
    for name in pointers:
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library


class KafkaCluster:
    """Brokers 1 to `brokers`, reached over TCP.

    Args:
        brokers: how many.

    Raises:
        Unavailable: librdkafka cannot be loaded.
    """

    def __init__(self, brokers: int) -> None:
        self._library = _library()
        error = ctypes.create_string_buffer(200)
        settings = ctypes.c_void_p(self._library.rd_kafka_conf_new())
        self._library.rd_kafka_conf_set(settings, b"log_level", b"0", error, ctypes.c_size_t(200))
        self._client = ctypes.c_void_p(self._library.rd_kafka_new(_PRODUCER, settings, error, ctypes.c_size_t(200)))
        if not self._client:
            raise Unavailable(error.value.decode())
        self._cluster = ctypes.c_void_p(self._library.rd_kafka_mock_cluster_new(self._client, brokers))
        self.address: str = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()

    def create(self, topic: str) -> None:
        """A topic of one partition, kept by every broker.

        Args:
            topic: its name.
        """
        self._checked(self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), 1, 2))

    def lead(self, topic: str, broker: int) -> None:
        """Another broker leads from now on; who asks the old one is told so.

        Args:
            topic: whose only partition.
            broker: number; -1 = nobody.
        """
        self._checked(self._library.rd_kafka_mock_partition_set_leader(self._cluster, topic.encode(), 0, broker))

    def down(self, broker: int) -> None:
        """A broker goes: connections end and new ones are refused.

        Args:
            broker: number.
        """
        self._checked(self._library.rd_kafka_mock_broker_set_down(self._cluster, broker))

    def up(self, broker: int) -> None:
        """It comes back.

        Args:
            broker: number.
        """
        self._checked(self._library.rd_kafka_mock_broker_set_up(self._cluster, broker))

    def advertise(self, broker: int, port: int) -> None:
        """Clients are told to reach a broker at another port of this machine.

        Args:
            broker: number.
            port: of whatever stands before it.
        """
        self._library.rd_kafka_mock_broker_set_host_port(self._cluster, broker, b"127.0.0.1", port)

    def answer(self, request: int, errors: Sequence[int]) -> None:
        """The next requests of a kind are answered so.

        Args:
            request: its API key: 0 produce, 1 fetch, 2 offsets, 3 metadata.
            errors: Kafka's error codes, one per request.
        """
        codes = (ctypes.c_int * len(errors))(*errors)
        many = ctypes.c_size_t(len(errors))
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, ctypes.c_int16(request), many, codes)

    def close(self) -> None:
        """Ends every broker."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)

    @staticmethod
    def _checked(code: int) -> None:
        if code != 0:
            raise ValueError(f"librdkafka: error {code}")
