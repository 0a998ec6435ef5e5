"""gRPC servers that answer garbage: always an error of theirs that names them, in bounded time and memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.actions import flow_of
from tests.flows.support import run_text, step

Answer = Callable[[Any], Any]


@contextmanager
def served(reflect: Answer, method: Callable[[bytes], bytes] = lambda data: b"") -> Iterator[int]:
    """A server whose reflection gives what `reflect` makes of a request, and whose methods give raw bytes."""
    import grpc
    from grpc_reflection.v1alpha import reflection_pb2 as messages

    class Handler(grpc.GenericRpcHandler):
        def service(self, handler_call_details: Any) -> Any:
            if handler_call_details.method.endswith("ServerReflectionInfo"):
                return grpc.stream_stream_rpc_method_handler(
                    lambda requests, context: (reflect(request) for request in requests),
                    messages.ServerReflectionRequest.FromString,
                    lambda answer: answer if isinstance(answer, bytes) else answer.SerializeToString(),
                )
            return grpc.unary_unary_rpc_method_handler(lambda data, context: method(data))

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def _file(name: str, *imports: str, **more: Any) -> bytes:
    from google.protobuf import descriptor_pb2

    file = descriptor_pb2.FileDescriptorProto(name=name, package="a", syntax="proto3", dependency=imports, **more)
    file.message_type.add(name="M").field.add(name="m", number=1, type=11, label=1, type_name=".a.M")
    method = file.service.add(name="B").method.add(name="C", input_type=".a.M", output_type=".a.M")
    assert method.name == "C"
    return file.SerializeToString()


def _reflects(files: Callable[[Any], list[bytes]]) -> Answer:
    from grpc_reflection.v1alpha import reflection_pb2 as messages

    def answer(request: Any) -> Any:
        reply = messages.ServerReflectionResponse()
        if request.HasField("list_services"):
            reply.list_services_response.service.add(name="a.B")
        else:
            reply.file_descriptor_response.file_descriptor_proto.extend(files(request))
        return reply

    return answer


def _numbered(request: Any) -> list[bytes]:
    """Every file imports one more that nobody has seen."""
    number = int(request.file_by_filename.removesuffix(".proto") or 0)
    return [_file(f"{number or ''}.proto" if number else "a.proto", f"{number + 1}.proto")]


EVIL: dict[str, tuple[Callable[[Any], list[bytes]], str]] = {
    "garbage": (lambda request: [b"\xff\xff\xff\xff"], "reflection: Error parsing message"),
    "nothing": (lambda request: [], "there is no service 'a.B'"),
    "cycle": (lambda request: [_file("a.proto", "b.proto"), _file("b.proto", "a.proto")], "import each other"),
    "itself": (lambda request: [_file("a.proto", "a.proto")], "import each other"),
    "endless": (_numbered, "reflection names more than 1000 files"),
    "other": (lambda request: [_file("x.proto", "y.proto")], "reflection does not give the file y.proto"),
    "broken": (
        lambda request: [_file("a.proto").replace(b".a.M", b".a.N")],
        "a.proto cannot be used",
    ),
}


@pytest.mark.parametrize("name", sorted(EVIL))
def test_reflection_that_makes_no_sense_is_an_error_of_the_server(tmp_path: Path, name: str) -> None:
    files, told = EVIL[name]
    with served(_reflects(files)) as port:
        run = run_text(
            tmp_path,
            flow_of(
                f'{{id: a, action: grpc, timeout: 20s, config: {{address: "127.0.0.1:{port}", method: a.B/C}},'
                ' assert: [status == "OK"]}'
            ),
        )
    found = step(run, "a")
    assert found.verdict == "error"
    assert found.exchanges[0].error_type in ("server", "config")
    assert told in found.message
    assert "internal" not in found.message


def _nested(depth: int) -> bytes:
    data = b""
    for _ in range(depth):
        size, length = len(data), b""
        while True:
            length += bytes([size & 127 | (128 if size > 127 else 0)])
            size >>= 7
            if not size:
                break
        data = b"\x0a" + length + data
    return data


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"\xff\xff\xff\xff", "the answer is no a.M"),
        (_nested(90), "a message nested deeper than 60 levels"),
        (_nested(5000), "the answer is no a.M"),
    ],
)
def test_an_answer_that_is_no_such_message_is_an_error_of_the_server(tmp_path: Path, answer: bytes, told: str) -> None:
    with served(_reflects(lambda request: [_file("a.proto")]), lambda data: answer) as port:
        run = run_text(
            tmp_path,
            flow_of(
                f'{{id: a, action: grpc, timeout: 20s, config: {{address: "127.0.0.1:{port}", method: a.B/C}},'
                ' assert: [status == "OK"]}'
            ),
        )
    found = step(run, "a")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "server"), found.message
    assert told in found.message
    assert f"127.0.0.1:{port}" in found.message


def test_a_reflection_answer_that_is_no_message_is_an_error_of_the_server(tmp_path: Path) -> None:
    with served(lambda request: b"\xff\xff\xff") as port:
        run = run_text(
            tmp_path,
            flow_of(
                f'{{id: a, action: grpc, timeout: 20s, config: {{address: "127.0.0.1:{port}", method: a.B/C}},'
                ' assert: [status == "OK"]}'
            ),
        )
    found = step(run, "a")
    assert (found.verdict, found.exchanges[0].error_type) == ("error", "server"), found.message
