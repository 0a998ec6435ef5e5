"""Which services, methods and types a gRPC server has: asked by reflection, compiled from a proto file, or read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from flows.clients.errors import ClientError
from flows.language.closest import closest

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool

MAX_FILES = 1000
MAX_FILE_BYTES = 32 * 1024 * 1024
REFLECTIONS = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
Exchange = Callable[[str, Any], Awaitable[Any]]


class Method(NamedTuple):
    """One method, found.

    Args:
        path: as on the wire.
        takes: type of a request.
        gives: type of a response.
        sends_many: the client streams.
        gives_many: the server streams.
        pool: all types.
    """

    path: str
    takes: Descriptor
    gives: Descriptor
    sends_many: bool
    gives_many: bool
    pool: DescriptorPool


class Schema:
    """Types collected from files, each added after those that it imports."""

    def __init__(self) -> None:
        from google.protobuf import descriptor_pool

        self.pool = descriptor_pool.DescriptorPool()
        self._added: set[str] = set()
        self._waiting: dict[str, FileDescriptorProto] = {}
        self.services: list[str] = []

    async def aclose(self) -> None:
        """Nothing is held open."""

    def offer(self, files: Iterable[FileDescriptorProto]) -> None:
        """Takes files that can be added once everything they import is there.

        Args:
            files: in any order.
        """
        for file in files:
            if file.name not in self._added:
                self._waiting.setdefault(file.name, file)

    def missing(self) -> list[str]:
        """Imports of the waiting files that nobody has offered yet."""
        wanted = {name for file in self._waiting.values() for name in file.dependency}
        missing = wanted - self._added - self._waiting.keys()
        for name in sorted(missing):
            known = _well_known(name)
            if known is not None:
                self.offer([known])
                missing.discard(name)
        return sorted(missing)

    def add(self, what: str) -> None:
        """Adds everything that waits.

        Args:
            what: where it came from, for messages.

        Raises:
            ClientError: files that do not fit together.
        """
        while self._waiting:
            ready = [f for f in self._waiting.values() if all(name in self._added for name in f.dependency)]
            if not ready:
                raise ClientError(f"{what}: proto files that import each other, or imports that are missing", "config")
            for file in ready:
                del self._waiting[file.name]
                self._added.add(file.name)
                try:
                    self.pool.AddSerializedFile(file.SerializeToString())
                except Exception as problem:  # TypeError or a library error, by implementation
                    raise ClientError(f"{what}: {file.name} cannot be used: {_clause(problem)}", "config") from problem
                package = f"{file.package}." if file.package else ""
                self.services += [package + service.name for service in file.service]

    def service(self, name: str) -> ServiceDescriptor | None:
        """A service by full name, or by its last part when that is unique.

        Args:
            name: as the flow says it.
        """
        full = full_name(name, self.services)
        try:
            return self.pool.FindServiceByName(full) if full else None
        except KeyError:
            return None


def full_name(name: str, services: Iterable[str]) -> str | None:
    """The one service that a name means.

    Args:
        name: full, or the last part.
        services: full names.
    """
    known = list(services)
    if name in known:
        return name
    ends = [service for service in known if service.rpartition(".")[2] == name]
    return ends[0] if len(ends) == 1 else None


def method_of(schema: Schema, service: str, method: str) -> Method:
    """The method that a step names.

    Args:
        schema: with the service in it.
        service: name.
        method: name.

    Raises:
        ClientError: of type ``config`` with the nearest name.
    """
    found = schema.service(service)
    if found is None:
        raise ClientError(no_service(service, schema.services), "config")
    for known in found.methods:
        if known.name == method:
            return _method(found, known, schema.pool)
    names = [known.name for known in found.methods]
    near = closest(method, names)
    hint = f"did you mean '{near}'?" if near else f"it has {', '.join(names) or 'none'}"
    raise ClientError(f"{found.full_name} has no method '{method}'; {hint}", "config")


def no_service(name: str, services: Iterable[str]) -> str:
    """What to say when a service is not there.

    Args:
        name: as the flow says it.
        services: that are.
    """
    known = sorted(service for service in services if not service.startswith("grpc.reflection."))
    same_end = [service for service in known if service.rpartition(".")[2] == name]
    near = closest(name, known) or closest(name.rpartition(".")[2], [s.rpartition(".")[2] for s in known])
    if len(same_end) > 1:
        return f"'{name}' is any of {', '.join(same_end)}; write the full name"
    hint = f"did you mean '{near}'?" if near else f"there are {', '.join(known[:12]) or 'none'}"
    return f"there is no service '{name}'; {hint}"


def _method(service: ServiceDescriptor, method: MethodDescriptor, pool: DescriptorPool) -> Method:
    path = f"/{service.full_name}/{method.name}"
    streams = bool(method.client_streaming), bool(method.server_streaming)
    return Method(path, method.input_type, method.output_type, *streams, pool)


def _well_known(name: str) -> FileDescriptorProto | None:
    """Google's own files, which servers often leave out."""
    import importlib

    from google.protobuf import descriptor_pb2, descriptor_pool

    if not name.startswith("google/") or not name.endswith(".proto"):
        return None
    try:
        importlib.import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2")
        found = descriptor_pool.Default().FindFileByName(name)
    except (ImportError, KeyError):
        return None
    file = descriptor_pb2.FileDescriptorProto()
    found.CopyToProto(file)
    return file


def _clause(problem: Exception) -> str:
    text = str(problem).strip()
    return text.splitlines()[0] if text else type(problem).__name__


def from_descriptor_set(data: bytes, what: str) -> Schema:
    """A schema from a serialised `FileDescriptorSet` (`protoc --include_imports --descriptor_set_out`).

    Args:
        data: bytes.
        what: file name for messages.

    Raises:
        ClientError: of type ``config`` when it is none.
    """
    from google.protobuf import descriptor_pb2

    files = descriptor_pb2.FileDescriptorSet()
    try:
        files.ParseFromString(data)
    except Exception as problem:  # DecodeError, by implementation
        raise ClientError(f"{what} is no FileDescriptorSet: {_clause(problem)}", "config") from problem
    if not files.file:
        raise ClientError(f"{what} describes no proto file", "config")
    schema = Schema()
    schema.offer(files.file)
    missing = schema.missing()
    if missing:
        raise ClientError(f"{what} lacks {', '.join(missing[:3])}; make it with --include_imports", "config")
    schema.add(what)
    return schema


async def compiled(file: str, folders: tuple[str, ...], what: str) -> Schema:
    """A schema from a proto file, compiled in a process of its own.

    Args:
        file: its path.
        folders: where imports are looked for, after the file's own folder.
        what: as the flow calls it.

    Raises:
        ClientError: of type ``config`` with the compiler's message.
    """
    return from_descriptor_set(await asyncio.to_thread(_protoc, file, folders, what), what)


def _protoc(file: str, folders: tuple[str, ...], what: str) -> bytes:
    import importlib.util
    import os
    import sys
    import tempfile

    from testmesh.guard.process import Command, run

    tools = importlib.util.find_spec("grpc_tools")
    if tools is None or tools.origin is None:
        raise ClientError("proto files need protoc: pip install 'testmesh[grpc]'", "config")
    own, bundled = os.path.dirname(file), os.path.join(os.path.dirname(tools.origin), "_proto")
    paths = [path for folder in (own, *folders, bundled) for path in ("-I", folder)]
    with tempfile.TemporaryDirectory(prefix="testmesh-proto-") as work:
        out = os.path.join(work, "set.pb")
        argv = (sys.executable, "-I", "-m", "grpc_tools.protoc", *paths, "--include_imports")
        done = run(Command((*argv, f"--descriptor_set_out={out}", os.path.basename(file)), timeout=20.0))
        if not done.ok or not os.path.exists(out):
            said = done.stderr.decode("utf-8", "replace").replace(f"{own}{os.sep}", "")
            told = [line for line in said.splitlines() if "warning:" not in line]
            why = "it took more than 20s" if done.timed_out else "; ".join(told[:3]) or f"exit code {done.code}"
            raise ClientError(f"{what} does not compile: {why}", "config")
        with open(out, "rb") as stream:
            return stream.read()


class Reflection:
    """The schema that a server tells about itself, v1 first, then v1alpha (the same messages).

    Args:
        exchange: sends one request on a reflection stream and gives its response; raises `Unimplemented`.
        where: the server, for messages.
    """

    def __init__(self, exchange: Exchange, where: str) -> None:
        self._exchange = exchange
        self._where = where
        self._version = REFLECTIONS[0]
        self._bytes = 0

    async def schema(self, service: str) -> Schema:
        """Everything that is needed for one service.

        Args:
            service: full name, or the last part of it.

        Raises:
            ClientError: no reflection, no such service, or the server cannot be reached.
        """
        from grpc_reflection.v1alpha import reflection_pb2 as messages

        listed = await self._first(messages.ServerReflectionRequest(list_services=""))
        services = [item.name for item in listed.list_services_response.service]
        full = full_name(service, services)
        if full is None:
            raise ClientError(f"{self._where}: {no_service(service, services)}", "config")
        schema = Schema()
        schema.offer(await self._files(messages.ServerReflectionRequest(file_containing_symbol=full)))
        asked = 0
        while missing := schema.missing():
            for name in missing:
                asked += 1
                if asked > MAX_FILES:
                    raise ClientError(f"{self._where}: reflection names more than {MAX_FILES} files", "server")
                schema.offer(await self._files(messages.ServerReflectionRequest(file_by_filename=name), name))
        schema.add(f"{self._where} (reflection)")
        return schema

    async def _first(self, request: Any) -> Any:
        for version in REFLECTIONS:
            self._version = version
            try:
                return await self._ask(request)
            except Unimplemented:
                continue
        raise ClientError(
            f"{self._where} has no reflection; name a 'proto_file' or a 'descriptor_set' in the step", "config"
        )

    async def _ask(self, request: Any) -> Any:
        answer = await self._exchange(self._version, request)
        if answer.HasField("error_response"):
            error = answer.error_response
            raise ClientError(f"{self._where}: reflection: {error.error_message} ({error.error_code})", "server")
        return answer

    async def _files(self, request: Any, name: str = "") -> list[FileDescriptorProto]:
        from google.protobuf import descriptor_pb2

        answer = await self._ask(request)
        found: list[FileDescriptorProto] = []
        for data in answer.file_descriptor_response.file_descriptor_proto:
            self._bytes += len(data)
            if self._bytes > MAX_FILE_BYTES:
                raise ClientError(f"{self._where}: reflection of more than {MAX_FILE_BYTES // 2**20} MiB", "server")
            file = descriptor_pb2.FileDescriptorProto()
            try:
                file.ParseFromString(data)
            except Exception as problem:  # DecodeError, by implementation
                raise ClientError(f"{self._where}: reflection: {_clause(problem)}", "server") from problem
            found.append(file)
        if name and name not in [file.name for file in found]:
            raise ClientError(f"{self._where}: reflection does not give the file {name}", "server")
        return found


class Unimplemented(Exception):
    """The server does not know that reflection service."""


async def one_by_one(items: Iterable[Any]) -> AsyncIterator[Any]:
    """The messages of a client's stream.

    Args:
        items: in order.
    """
    for item in items:
        yield item
