"""A gRPC server with every kind of field and stream; `python -m tests.servers.grpc_shop` with its ports."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.process import Command, Server, free_port, start

PROTOS = Path(__file__).parent / "protos"
SERVICE = "shop.v1.Orders"


@dataclass(frozen=True)
class GrpcShop:
    """Where the server answers; the same service behind every port.

    Args:
        both: reflection v1 and v1alpha.
        old: reflection v1alpha only.
        bare: no reflection.
        tls: reflection, TLS with a certificate of `ca`.
        mutual: the same, and the client must show a certificate.
        folder: `ca.pem`, `client.pem`, `client.key`, and `shop.set` (a descriptor set).
    """

    both: int
    old: int
    bare: int
    tls: int
    mutual: int
    folder: Path


def descriptor_set(folder: Path) -> bytes:
    """The compiled protos.

    Args:
        folder: where the file is written.
    """
    from grpc_tools import protoc

    bundled = Path(protoc.__file__).parent / "_proto"
    out = folder / "shop.set"
    code = protoc.main(
        ["protoc", f"-I{PROTOS}", f"-I{bundled}", "--include_imports", f"--descriptor_set_out={out}", "shop.proto"]
    )
    assert code == 0
    return out.read_bytes()


class Service:
    """The methods of shop.proto over dynamic messages."""

    def __init__(self, data: bytes) -> None:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

        files = descriptor_pb2.FileDescriptorSet.FromString(data)
        self.pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self.pool.Add(file)
        self.classes = message_factory.GetMessageClassesForFiles([file.name for file in files.file], self.pool)
        self.order = self.classes["shop.v1.Order"]

    def echo(self, request: Any, context: Any) -> Any:
        """The same order."""
        context.set_trailing_metadata((("x-trailer", "end"), ("x-data-bin", b"\x00\x01")))
        return request

    def fail(self, request: Any, context: Any) -> Any:
        """Any status that is asked for."""
        import grpc

        if request.what == "die":
            os._exit(1)
        if request.what == "hang":
            time.sleep(30)
        if request.what == "big":
            return self.order(id="x" * (17 * 1024 * 1024))
        if request.what == "details":
            status: Any = importlib.import_module("google.rpc.status_pb2").Status(code=3, message="bad order")
            details: Any = importlib.import_module("google.rpc.error_details_pb2")
            bad = details.BadRequest()
            bad.field_violations.add(field="items", description="is empty")
            status.details.add().Pack(bad)
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "bad order")
        context.abort(grpc.StatusCode[request.what], "as asked for")

    def watch(self, request: Any, context: Any) -> Iterator[Any]:
        """Orders, one after the other; without a count for ever."""
        import grpc

        number = 0
        while not request.count or number < request.count:
            number += 1
            yield self.order(id=f"o{number}", state=2)
            time.sleep(request.pause_ms / 1000)
        if request.what:
            context.abort(grpc.StatusCode[request.what], "after the stream")

    def collect(self, requests: Iterator[Any], context: Any) -> Any:
        """Everything that was sent."""
        import grpc

        found = self.order(id="all")
        for item in requests:
            if item.sku == "bad":
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not that one")
            found.items.add().CopyFrom(item)
        return found

    def chat(self, requests: Iterator[Any], context: Any) -> Iterator[Any]:
        """Each item, doubled."""
        for item in requests:
            item.quantity *= 2
            yield item

    def headers(self, request: Any, context: Any) -> Any:
        """The metadata that came."""
        context.send_initial_metadata((("x-first", "a"), ("x-first", "b")))
        found = self.classes["google.protobuf.Struct"]()
        for name, value in context.invocation_metadata():
            found[name] = value if isinstance(value, str) else value.hex()
        found["deadline"] = context.time_remaining() if context.time_remaining() is not None else -1
        return found

    def handlers(self) -> Any:
        """For the server."""
        import grpc

        kinds = {
            "Echo": (grpc.unary_unary_rpc_method_handler, self.echo, "shop.v1.Order"),
            "Fail": (grpc.unary_unary_rpc_method_handler, self.fail, "shop.v1.Ask"),
            "Watch": (grpc.unary_stream_rpc_method_handler, self.watch, "shop.v1.Ask"),
            "Collect": (grpc.stream_unary_rpc_method_handler, self.collect, "shop.v1.Item"),
            "Chat": (grpc.stream_stream_rpc_method_handler, self.chat, "shop.v1.Item"),
            "Headers": (grpc.unary_unary_rpc_method_handler, self.headers, "google.protobuf.Empty"),
        }
        made = {
            name: kind(answer, self.classes[takes].FromString, lambda message: message.SerializeToString())
            for name, (kind, answer, takes) in kinds.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE, made)


def serve(ports: GrpcShop) -> None:
    """Listens on every port until it is ended.

    Args:
        ports: where.
    """
    import grpc

    service = Service(descriptor_set(ports.folder))
    certificates = _certificates(ports.folder)
    plain = {ports.both: ("v1", "v1alpha"), ports.old: ("v1alpha",), ports.bare: ()}
    servers = [_server(service, versions) for versions in plain.values()]
    for server, port in zip(servers, plain, strict=True):
        server.add_insecure_port(f"127.0.0.1:{port}")
    for port, asks in ((ports.tls, False), (ports.mutual, True)):
        server = _server(service, ("v1", "v1alpha"))
        ca, key, chain = certificates
        server.add_secure_port(
            f"127.0.0.1:{port}", grpc.ssl_server_credentials(((key, chain),), ca if asks else None, asks)
        )
        servers.append(server)
    for server in servers:
        server.start()
    servers[0].wait_for_termination()


def _server(service: Service, reflections: tuple[str, ...]) -> Any:
    import grpc
    from grpc_reflection.v1alpha import reflection, reflection_pb2

    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((service.handlers(),))
    answers = reflection.ReflectionServicer((SERVICE, "grpc.reflection.v1alpha.ServerReflection"), pool=service.pool)
    for version in reflections:
        handler = grpc.stream_stream_rpc_method_handler(
            answers.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        name = f"grpc.reflection.{version}.ServerReflection"
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler}),)
        )
    return server


def _certificates(folder: Path) -> tuple[bytes, bytes, bytes]:
    import trustme

    authority = trustme.CA()
    own, client = authority.issue_cert("shop.internal"), authority.issue_cert("client.internal")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    client.private_key_pem.write_to_path(str(folder / "client.key"))
    client.cert_chain_pems[0].write_to_path(str(folder / "client.pem"))
    return authority.cert_pem.bytes(), own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes()


def start_grpc_shop(folder: Path) -> tuple[Server, GrpcShop]:
    """The server in a process of its own.

    Args:
        folder: empty, kept by the caller.

    Raises:
        Unavailable: it does not start.
    """
    ports = [free_port() for _ in range(5)]
    shop = GrpcShop(*ports, folder)
    root = str(Path(__file__).parents[2])
    argv = [sys.executable, "-m", "tests.servers.grpc_shop", str(folder), *map(str, ports)]
    command = Command(argv, folder, env={"PYTHONPATH": root})
    return start(command, shop.mutual, lambda: None, 30), shop


if __name__ == "__main__":
    serve(GrpcShop(*map(int, sys.argv[2:]), Path(sys.argv[1])))
