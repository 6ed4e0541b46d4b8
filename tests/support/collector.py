"""An OpenTelemetry collector that remembers what it was told."""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(kw_only=True)
class Collector:
    """Where it is, and the spans: trace, program and name of each."""

    url: str
    spans: list[tuple[bytes, str, str]] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        """Those of the spans."""
        return {name for _, _, name in self.spans}

    def take(self, content: bytes) -> None:
        """Take spans in."""
        for one in ExportTraceServiceRequest.FromString(content).resource_spans:
            told = {attribute.key: attribute.value.string_value for attribute in one.resource.attributes}
            spans = (span for scope in one.scope_spans for span in scope.spans)
            self.spans += [(span.trace_id, told["service.name"], span.name) for span in spans]


@contextmanager
def running_collector() -> Iterator[Collector]:
    """Take OTLP over HTTP until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(url=f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()
