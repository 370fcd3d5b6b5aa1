"""Spans, durations and counts of job attempts."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode
from prometheus_client import Counter, Histogram

from app.telemetry.metrics import registry
from app.telemetry.spans import operation_span

_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

WAITS: Final = frozenset({"deferred", "throttled", "unauthorised"})
"""Outcomes of attempts that wait: for a write of ours, for the vendor's rate limit, for a pause to end."""

process_duration = Histogram(
    "messaging_process_duration_seconds",
    "Duration of job attempts, by outcome.",
    ("messaging_system", "messaging_operation_name", "messaging_destination_name", "outcome"),
    buckets=_SECONDS,
    registry=registry,
)
dead_letters_created = Counter(
    "lockstitch_dead_letters_created", "Jobs that became dead letters.", ("kind", "category"), registry=registry
)


class JobAttempt:
    """The outcome of one attempt, for its span and duration."""

    __slots__ = ("outcome",)

    def __init__(self) -> None:
        self.outcome = "lost"

    def ended(self, outcome: str) -> None:
        """Set the outcome, such as `done`, `retried` or `throttled`."""
        self.outcome = outcome


def note_wait(outcome: str, reason: str) -> None:
    """Record on the current span why a job waits, if `outcome` is a wait. A wait is no failure."""
    if outcome in WAITS:
        trace.get_current_span().add_event(outcome, {"lockstitch.reason": reason})


@contextmanager
def job_span(
    kind: str, *, job_id: int, connection: str, attempt: int, correlation: str, traceparent: str | None
) -> Iterator[JobAttempt]:
    """Trace one attempt at a job. The first attempt continues the trace in which the job was enqueued; later ones link
    to it."""
    run = JobAttempt()
    started = time.perf_counter()
    with operation_span(f"process {kind}", correlation, traceparent, first=attempt == 1):
        span = trace.get_current_span()
        if span.is_recording():
            span.set_attributes(
                {
                    "messaging.system": "lockstitch",
                    "messaging.operation.type": "process",
                    "messaging.operation.name": "process",
                    "messaging.destination.name": kind,
                    "messaging.message.id": str(job_id),
                    "lockstitch.connection": connection,
                    "lockstitch.job.attempt": attempt,
                }
            )
        try:
            yield run
        finally:
            process_duration.labels("lockstitch", "process", kind, run.outcome).observe(time.perf_counter() - started)
            _set_outcome(span, run.outcome)


def count_dead_letter(kind: str, category: str) -> None:
    """Count a new dead letter."""
    dead_letters_created.labels(kind, category).inc()


def _set_outcome(span: Span, outcome: str) -> None:
    if not span.is_recording():
        return
    span.set_attribute("lockstitch.outcome", outcome)
    if outcome != "done" and outcome not in WAITS:
        span.set_attribute("error.type", outcome)
        span.set_status(Status(StatusCode.ERROR))
