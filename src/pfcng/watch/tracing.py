"""Traces by OpenTelemetry, for those who install it (``pip install pfcng[traces]``) and set ``traces``.

Without both, nothing of it is imported, and a step costs one comparison.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

_NAME: Final = "pfcng"


class TracesUnavailable(Exception):
    """Traces are asked for and OpenTelemetry is not installed."""


class _Tracing:
    """What traces go to; None when they are not wanted."""

    tracer: "Tracer | None" = None


def span(name: str, **attributes: str) -> AbstractContextManager[object] | None:
    """A span below the present one; None when there are no traces.

    What an error says stays out of it, for it may quote a message; the log has it, under the incident number.
    """
    tracer = _Tracing.tracer
    if tracer is None:
        return None
    return tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    )


def carried() -> dict[str, str]:
    """The header that has the other end of a call trace it below the present span."""
    if _Tracing.tracer is None:
        return {}
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - as below

    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return headers


def request(headers: Mapping[str, str], incident: str) -> AbstractContextManager[Any]:
    """The span of a request, below the caller's (W3C ``traceparent``) where it told one."""
    tracer = _Tracing.tracer
    if tracer is None:
        return nullcontext()
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - only where traces are wanted
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 - idem

    # tracestate is left aside: nobody but the caller needs it.
    carried = {"traceparent": headers["traceparent"]} if "traceparent" in headers else {}
    return tracer.start_as_current_span(
        "requete",
        context=TraceContextTextMapPropagator().extract(carried),
        kind=SpanKind.SERVER,
        attributes={"pfcng.incident": incident},
        record_exception=False,
        set_status_on_exception=False,
    )


@contextmanager
def traced(endpoint: str | None, service: str) -> Iterator[None]:
    """Send spans to an OTLP/HTTP collector until the end of the block; None sends nothing.

    Args:
        endpoint: Its base URL; spans go to ``/v1/traces`` below it.
        service: What the collector calls this program.

    Raises:
        TracesUnavailable: OpenTelemetry is not installed.
    """
    if endpoint is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise TracesUnavailable from error
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    _Tracing.tracer = provider.get_tracer(_NAME)
    try:
        yield
    finally:
        _Tracing.tracer = None
        provider.shutdown()
