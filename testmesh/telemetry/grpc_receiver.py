"""OTLP over gRPC, for services whose exporters speak nothing else; grpcio is loaded only when it is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from testmesh.kernel.errors import MissingExtra, UserError
from testmesh.telemetry.otlp import MAX_BYTES, PROTOBUF, decode, success
from testmesh.telemetry.receiver import LOOPBACK
from testmesh.telemetry.store import SpanStore

if TYPE_CHECKING:
    import grpc

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
OTHERS = (
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
)
_WORKERS = 4
_GRACE = 0.5


@dataclass(slots=True)
class GrpcReceiver:
    """A running receiver; use it as a context manager.

    Args:
        store: where spans go.
        port: 0 for a free one.
        host: address to listen on.
    """

    store: SpanStore
    port: int = 0
    host: str = LOOPBACK
    rejected: int = 0
    _server: grpc.Server | None = None

    @property
    def endpoint(self) -> str:
        """The value for `OTEL_EXPORTER_OTLP_ENDPOINT` with protocol grpc."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> GrpcReceiver:
        try:
            import grpc
        except ModuleNotFoundError as error:
            raise MissingExtra("grpc", "grpc") from error
        options = [("grpc.max_receive_message_length", MAX_BYTES), ("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(_WORKERS, "otlp-grpc"), options=options)
        self._server.add_generic_rpc_handlers((_handlers(self),))
        try:
            self.port = self._server.add_insecure_port(f"{self.host}:{self.port}")
        except RuntimeError as error:
            raise UserError(
                f"{self.host}:{self.port} cannot be used for traces over gRPC: {error}",
                hint="choose another port, or stop what listens there",
            ) from error
        self._server.start()
        return self

    def export(self, body: bytes, context: Any) -> bytes:
        """Keep the spans of an ExportTraceServiceRequest.

        Args:
            body: the message's bytes; compression is gone already.
            context: of the call.
        """
        import grpc

        try:
            batch = decode(body, PROTOBUF)
        except UserError as error:
            missing = isinstance(error, MissingExtra)
            code = grpc.StatusCode.UNIMPLEMENTED if missing else grpc.StatusCode.INVALID_ARGUMENT
            context.abort(code, error.message)
            raise
        self.store.add(batch.spans)
        self.rejected += batch.rejected
        return success(batch, PROTOBUF)

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.stop(_GRACE).wait()


def _handlers(receiver: GrpcReceiver) -> grpc.GenericRpcHandler:
    import grpc

    class Handlers(grpc.GenericRpcHandler):
        """Bytes in, bytes out: no generated servicer is needed for three methods."""

        def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
            """The handler of a method, None for methods that are not OTLP's.

            Args:
                handler_call_details: of the call.
            """
            if handler_call_details.method == EXPORT:
                return grpc.unary_unary_rpc_method_handler(receiver.export)
            if handler_call_details.method in OTHERS:
                # Metrics and logs are not asked for; refusing them would only fill the services' own logs.
                return grpc.unary_unary_rpc_method_handler(lambda body, context: b"")
            return None

    return Handlers()
