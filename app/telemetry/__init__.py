"""Traces, metrics and logs of one process.

    set_up(settings, "api")            once, before the first span
    with bind(correlation_id, traceparent, tracestate):
        with server_span("GET") as call:
            name_route("/v1/customers/{id}")
            call.status = 200

Names follow the OpenTelemetry semantic conventions. Telemetry never contains query values, paths with ids, payloads,
texts of exceptions or header values. A record's id points at a person, so the route template replaces it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from app.telemetry.context import bind, correlation_id, current_traceparent, derive_trace_id

if TYPE_CHECKING:
    from app.telemetry.metrics import (
        add_collector,
        expect_server_errors,
        expect_vendor_calls,
        refresh_before_push,
        render_metrics,
    )
    from app.telemetry.provider import set_up, shut_down
    from app.telemetry.server import mark_replayed, name_caller, name_operation, name_problem, name_route, server_span
    from app.telemetry.spans import (
        count_dead_letter,
        discovery_span,
        job_span,
        mapping_span,
        note_wait,
        operation_span,
        trace_echo,
        vendor_span,
    )

_NAMES: Final = {
    "metrics": "add_collector expect_server_errors expect_vendor_calls refresh_before_push render_metrics",
    "provider": "set_up shut_down",
    "server": "mark_replayed name_caller name_operation name_problem name_route server_span",
    "spans": "count_dead_letter discovery_span job_span mapping_span note_wait operation_span trace_echo vendor_span",
}
_MODULES: Final = {name: module for module, names in _NAMES.items() for name in names.split()}
"""The module of each name that is imported when it is first used: they import the SDK and Prometheus' client."""

__all__ = [
    "add_collector",
    "bind",
    "correlation_id",
    "count_dead_letter",
    "current_traceparent",
    "derive_trace_id",
    "discovery_span",
    "expect_server_errors",
    "expect_vendor_calls",
    "job_span",
    "mapping_span",
    "mark_replayed",
    "name_caller",
    "name_operation",
    "name_problem",
    "name_route",
    "note_wait",
    "operation_span",
    "refresh_before_push",
    "render_metrics",
    "server_span",
    "set_up",
    "shut_down",
    "trace_echo",
    "vendor_span",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
