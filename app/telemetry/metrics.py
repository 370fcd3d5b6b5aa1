"""The numbers of this process, as Prometheus reads them at `/metrics`.

Names and labels are those of the OpenTelemetry semantic conventions where there is one. A label is a name from our
configuration, a route template or a word from a fixed set, never what a caller or a vendor sent.
"""

from collections.abc import Callable, Iterable
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    GCCollector,
    Histogram,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from mappings.http import Category

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

ConnectionState = Literal["working", "throttled", "failing", "probing", "unauthorised"]

# Boundaries advised by the semantic conventions for http.server.request.duration.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

# The time at which each series began would double their number.
disable_created_metrics()  # type: ignore[no-untyped-call]

registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
GCCollector(registry=registry)

server_duration = Histogram(
    "http_server_request_duration_seconds",
    "Duration of calls to this process.",
    ("http_request_method", "http_route", "http_response_status_code", "error_type"),
    buckets=_SECONDS,
    registry=registry,
)
server_errors = Counter(
    "lockstitch_server_errors",
    "Calls to this process answered with 5xx.",
    ("http_route", "http_response_status_code"),
    registry=registry,
)
client_duration = Histogram(
    "http_client_request_duration_seconds",
    "Duration of single requests to vendors, without the waiting before them.",
    ("connection", "http_request_method", "url_template", "http_response_status_class", "error_type"),
    buckets=_SECONDS,
    registry=registry,
)
vendor_wait = Histogram(
    "lockstitch_vendor_wait_seconds",
    "How long a request waited for the connection's pacing or for the end of a pause.",
    ("connection",),
    buckets=_SECONDS,
    registry=registry,
)
vendor_outcomes = Counter(
    "lockstitch_vendor_outcomes",
    "Requests to vendors after all retries: success, a category of failure, or lost for a reply that never came.",
    ("connection", "outcome"),
    registry=registry,
)
vendor_retries = Counter(
    "lockstitch_vendor_retries", "Requests sent once more.", ("connection", "reason"), registry=registry
)
connection_state = Enum(
    "lockstitch_connection_state",
    "Whether the connection works, waits for the vendor, or is paused.",
    ("connection",),
    states=["working", "throttled", "failing", "probing", "unauthorised"],
    registry=registry,
)
mapping_refusals = Counter(
    "lockstitch_mapping_refusals",
    "Records without an honest reading: drift when they no longer fit the schema, unmappable otherwise.",
    ("mapping", "revision", "reason"),
    registry=registry,
)
operations = Counter(
    "lockstitch_operations", "Canonical writes by how they ended.", ("object", "action", "outcome"), registry=registry
)
spans_exported = Counter("lockstitch_otlp_spans_exported", "Spans that a collector took.", registry=registry)
spans_failed = Counter("lockstitch_otlp_spans_failed", "Spans lost because no collector took them.", registry=registry)


def count_operation(object_name: str, action: str, outcome: str) -> None:
    """One canonical write has ended: `succeeded`, `failed` or `unknown`."""
    operations.labels(object_name, action, outcome).inc()


UNMATCHED = "unmatched"
"""The route of a call that no route takes."""


def expect_server_errors(routes: Iterable[str]) -> None:
    """Let the series of these routes begin at zero: what is not there before its first count has no increase."""
    for route in (*routes, UNMATCHED):
        for status in ("500", "503"):
            server_errors.labels(route, status)


def expect_vendor_calls(connections: Iterable[str], mappings: Iterable[tuple[str, int]]) -> None:
    """The same for these connections, and for the revisions of mappings that read what their vendors answer."""
    for connection in connections:
        for outcome in ("success", "lost", *get_args(Category)):
            vendor_outcomes.labels(connection, outcome)
    for mapping, revision in mappings:
        for reason in ("drift", "unmappable"):
            mapping_refusals.labels(mapping, str(revision), reason)


class _Collected:
    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self.collect = collect

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would otherwise collect once to learn the names."""
        return ()


def add_collector(collect: Callable[[], Iterable[Metric]]) -> Callable[[], None]:
    """Have `collect` called at every scrape for numbers that are read and not counted, such as the queue's length.

    Returns what ends that.
    """
    collected = _Collected(collect)
    registry.register(collected)
    return lambda: registry.unregister(collected)


def render_metrics() -> bytes:
    """All numbers in the text format that CONTENT_TYPE names."""
    return generate_latest(registry)
