"""Traces: below the caller's, a span a step; nothing of OpenTelemetry where they are not wanted."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pfcng.watch import tracing
from pfcng.watch.steps import Step, timed


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing._Tracing, "tracer", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


def test_request_is_traced_below_its_caller(spans: InMemorySpanExporter) -> None:
    """W3C traceparent; the incident number leads from a trace to the log."""
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with tracing.request({"traceparent": caller}, "0123456789abcdef"), timed(Step.SIGNATURE):
        pass
    step, request = spans.get_finished_spans()
    assert (step.name, request.name) == ("signature", "requete")
    assert request.context is not None
    assert f"{request.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == "b7ad6b7169203331"
    assert step.parent is not None
    assert step.parent.span_id == request.context.span_id
    assert dict(request.attributes or {}) == {"pfcng.incident": "0123456789abcdef"}


@pytest.mark.parametrize("caller", ["", "00-nothing", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "é" * 5000])
def test_traceparent_of_no_use_begins_a_trace(spans: InMemorySpanExporter, caller: str) -> None:
    """A hostile header breaks nothing."""
    with tracing.request({"traceparent": caller}, "i"):
        pass
    [request] = spans.get_finished_spans()
    assert request.parent is None


def test_error_does_not_put_its_words_into_a_trace(spans: InMemorySpanExporter) -> None:
    """They may quote a message."""
    with pytest.raises(ValueError, match="un secret"), tracing.request({}, "i"), timed(Step.SCHEMA):
        raise ValueError("un secret")
    for span in spans.get_finished_spans():
        assert "un secret" not in span.to_json()


def test_without_traces_opentelemetry_is_not_loaded() -> None:
    """A platform that does not ask for them pays nothing."""
    code = (
        "import sys, pfcng.node.process, pfcng.watch.tracing as t\n"
        "with t.traced(None, 'pfcng'), t.request({'traceparent': 'x'}, 'i'): assert t.span('x') is None\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_traces_without_opentelemetry_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, with what to install, rather than silently."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(tracing.TracesUnavailable), tracing.traced("http://127.0.0.1:4318", "pfcng"):
        pass
