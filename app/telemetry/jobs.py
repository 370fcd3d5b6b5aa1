"""The span, the duration and the counts of jobs at work."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, Status, StatusCode
from prometheus_client import Counter, Histogram

from app.telemetry.metrics import registry
from app.telemetry.spans import operation_span

_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)

process_duration = Histogram(
    "messaging_process_duration_seconds",
    "Duration of attempts at jobs, by what became of them.",
    ("messaging_destination_name", "outcome"),
    buckets=_SECONDS,
    registry=registry,
)
dead_letters_created = Counter(
    "lockstitch_dead_letters_created", "Jobs that were given up.", ("kind", "category"), registry=registry
)


class JobAttempt:
    """What became of one attempt, for its span and its duration."""

    __slots__ = ("outcome",)

    def __init__(self) -> None:
        self.outcome = "lost"

    def ended(self, outcome: str) -> None:
        """A word such as `done`, `retried` or `throttled`."""
        self.outcome = outcome


@contextmanager
def job_span(
    kind: str, *, job_id: int, connection: str, attempt: int, correlation: str, traceparent: str | None
) -> Iterator[JobAttempt]:
    """One attempt at a job. The first goes on with the trace of whoever enqueued it; later ones link to it."""
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
            process_duration.labels(kind, run.outcome).observe(time.perf_counter() - started)
            _tell(span, run.outcome)


def count_dead_letter(kind: str, category: str) -> None:
    """A job was given up."""
    dead_letters_created.labels(kind, category).inc()


def _tell(span: Span, outcome: str) -> None:
    if not span.is_recording():
        return
    span.set_attribute("lockstitch.outcome", outcome)
    if outcome != "done":
        span.set_attribute("error.type", outcome)
        span.set_status(Status(StatusCode.ERROR))
