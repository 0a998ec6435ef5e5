"""The catalogue under several threads: a service reads flows in all of them at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flows.actions import ActionCatalogue

NAMES = ("grpc", "s3.get", "minio.put", "mongodb.find", "http", "redis.get", "nonsense", "kafka.consume")


def test_threads_that_look_up_actions_at_once_all_find_them() -> None:
    for _ in range(20):
        catalogue, together = ActionCatalogue(), Barrier(len(NAMES))

        def find(name: str, catalogue: ActionCatalogue = catalogue, together: Barrier = together) -> bool:
            together.wait()
            return catalogue.find(name) is not None

        with ThreadPoolExecutor(len(NAMES)) as pool:
            assert dict(zip(NAMES, pool.map(find, NAMES), strict=True)) == {name: name != "nonsense" for name in NAMES}
