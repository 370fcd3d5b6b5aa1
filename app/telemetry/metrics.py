"""The metrics of this process, served at `/metrics`.

Names and labels follow the OpenTelemetry semantic conventions where they exist. A label is a configured name, a route
template or a fixed word, never data of a caller or a vendor.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from functools import cache
from typing import Any, Final, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    Metric,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from mappings.http import Category

# Boundaries from the semantic conventions for http.server.request.duration.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)

REFRESH_SECONDS: Final = 10.0
_refreshes: list[tuple[asyncio.AbstractEventLoop, Callable[[], Coroutine[Any, Any, None]]]] = []

# Creation times would double the number of series.
disable_created_metrics()  # type: ignore[no-untyped-call]

registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
GCCollector(registry=registry)

server_duration = Histogram(
    "http_server_request_duration_seconds",
    "Duration of requests to this process.",
    ("http_request_method", "http_route", "http_response_status_code", "error_type"),
    buckets=_SECONDS,
    registry=registry,
)
server_errors = Counter(
    "lockstitch_server_errors",
    "Requests to this process answered with 5xx.",
    ("http_route", "http_response_status_code"),
    registry=registry,
)
client_duration = Histogram(
    "http_client_request_duration_seconds",
    "Duration of single requests to vendors, without the wait before them.",
    ("connection", "http_request_method", "url_template", "http_response_status_class", "error_type"),
    buckets=_SECONDS,
    registry=registry,
)
vendor_wait = Histogram(
    "lockstitch_vendor_wait_seconds",
    "Waits of requests for the connection's pacing or the end of a pause.",
    ("connection",),
    buckets=_SECONDS,
    registry=registry,
)
vendor_outcomes = Counter(
    "lockstitch_vendor_outcomes",
    "Requests to vendors after all retries: success, a failure category, or lost for a lost reply.",
    ("connection", "outcome"),
    registry=registry,
)
vendor_outcome = cache(vendor_outcomes.labels)
"""The series of a connection and an outcome."""
vendor_retries = Counter(
    "lockstitch_vendor_retries", "Retries of requests to vendors.", ("connection", "reason"), registry=registry
)
connection_state = Enum(
    "lockstitch_connection_state",
    "The state of the connection in this process.",
    ("connection",),
    states=["working", "throttled", "failing", "probing", "unauthorised"],
    registry=registry,
)
throttled_since = Gauge(
    "lockstitch_connection_throttled_since_seconds",
    "Since when the vendor throttles the connection, in Unix time; 0 if it does not.",
    ("connection",),
    registry=registry,
)
vendor_headroom = Gauge(
    "lockstitch_vendor_headroom_units",
    "Units of the account's rate limit that are left, as this process last knew.",
    ("connection", "bucket"),
    registry=registry,
)
mapping_refusals = Counter(
    "lockstitch_mapping_refusals",
    "Records that could not be mapped: drift if they no longer match the schema, otherwise unmappable.",
    ("mapping", "revision", "reason"),
    registry=registry,
)
operations = Counter(
    "lockstitch_operations", "Canonical writes by outcome.", ("object", "action", "outcome"), registry=registry
)
operations_ended = cache(operations.labels)
"""The series of an object, an action and an outcome: `succeeded`, `failed` or `unknown`."""
target = Info("target", "What this process is, as the OpenTelemetry resource of its spans.", registry=registry)
otlp_exported = Counter(
    "lockstitch_otlp_exported",
    "Spans, log records and pushes of metrics that the collector accepted.",
    ("signal",),
    registry=registry,
)
otlp_failed = Counter("lockstitch_otlp_failed", "The same, lost.", ("signal",), registry=registry)


def describe_process(service: str, environment: str) -> None:
    """Set `target_info`, with which every other series can be joined."""
    target.info({"service_name": f"lockstitch-{service}", "deployment_environment_name": environment})


UNMATCHED = "unmatched"
"""The route label of a request without a route."""


def expect_server_errors(routes: Iterable[str]) -> None:
    """Create the series of these routes at 0, so that their first count is an increase."""
    for route in (*routes, UNMATCHED):
        for status in ("500", "503"):
            server_errors.labels(route, status)


def expect_vendor_calls(connections: Iterable[str], mappings: Iterable[tuple[str, int]]) -> None:
    """Create the series of these connections and mapping revisions at 0."""
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
        """Return nothing, so that the registry does not collect once just to learn the names."""
        return ()


def refresh_before_push(refresh: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run `refresh` in this event loop before metrics are pushed, as a scrape does before it collects."""
    _refreshes.append((asyncio.get_running_loop(), refresh))


def refresh_collectors() -> None:
    """Run every `refresh`, from a thread that is not the loop's."""
    for loop, refresh in _refreshes:
        if loop.is_running():
            asyncio.run_coroutine_threadsafe(refresh(), loop).result(REFRESH_SECONDS)


def add_collector(collect: Callable[[], Iterable[Metric]]) -> Callable[[], None]:
    """Call `collect` at every scrape for metrics that are read, such as the length of the queue. Return a function that
    stops it."""
    collected = _Collected(collect)
    registry.register(collected)
    return lambda: registry.unregister(collected)


def render_metrics() -> bytes:
    """Return all metrics in the text format of Prometheus."""
    return generate_latest(registry)
