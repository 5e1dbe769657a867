"""OpenTelemetry traces of requests: off unless an endpoint is configured. Events carry the trace on."""

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def tracer_provider(service: str, endpoint: str) -> TracerProvider:
    """A provider that exports spans in batches to `endpoint`, the base URL of an OTLP/HTTP collector."""
    # The exporter takes a third of a second to import, in every process: only where it is used.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"desk-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")))
    return provider
