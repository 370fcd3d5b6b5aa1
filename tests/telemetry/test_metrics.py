"""What `/metrics` says."""

from collections.abc import Iterable

import pytest
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from app.telemetry import add_collector, bind, name_route, render_metrics, server_span
from app.telemetry.metrics import operations_ended


def samples() -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by name and labels."""
    families: Iterable[Metric] = text_string_to_metric_families(render_metrics().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(name: str, **labels: str) -> float:
    """One sample, 0 where it is not there."""
    return samples().get((name, frozenset(labels.items())), 0.0)


def call(method: str, route: str | None, status: int) -> None:
    with bind("run-1"), server_span(method) as served:
        if route is not None:
            name_route(route)
        served.status = status


@pytest.mark.parametrize(
    ("method", "route", "status", "labels"),
    [
        ("GET", "/v1/things/{id}", 200, ("GET", "/v1/things/{id}", "200", "")),
        ("GET", None, 404, ("GET", "unmatched", "404", "")),
        ("X-FORGED", "/v1/things/{id}", 500, ("_OTHER", "/v1/things/{id}", "500", "500")),
    ],
)
def test_calls_are_timed_by_route(method: str, route: str | None, status: int, labels: tuple[str, ...]) -> None:
    names = ("http_request_method", "http_route", "http_response_status_code", "error_type")
    wanted = dict(zip(names, labels, strict=True))
    before = value("http_server_request_duration_seconds_count", **wanted)
    call(method, route, status)
    assert value("http_server_request_duration_seconds_count", **wanted) == before + 1


def test_operations_are_counted_by_outcome() -> None:
    wanted = {"object": "customer", "action": "create", "outcome": "succeeded"}
    before = value("lockstitch_operations_total", **wanted)
    operations_ended("customer", "create", "succeeded").inc()
    assert value("lockstitch_operations_total", **wanted) == before + 1


def test_numbers_that_are_read_come_with_every_scrape() -> None:
    lengths = iter([3.0, 5.0])

    def collect() -> list[Metric]:
        return [GaugeMetricFamily("test_queue_length", "Jobs that wait.", value=next(lengths))]

    remove = add_collector(collect)
    assert (value("test_queue_length"), value("test_queue_length")) == (3.0, 5.0)
    remove()
    assert value("test_queue_length") == 0.0


def test_the_process_is_measured_too() -> None:
    assert value("process_cpu_seconds_total") > 0
