"""Spans, durations and counts of posts to subscribers and callbacks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from prometheus_client import Counter, Histogram

from app.telemetry.metrics import registry

_tracer = trace.get_tracer("lockstitch")

post_duration = Histogram(
    "lockstitch_post_duration_seconds",
    "Duration of single posts to subscribers and callbacks.",
    ("http_response_status_class", "error_type"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0),
    registry=registry,
)
deliveries = Counter(
    "lockstitch_deliveries",
    "Delivery attempts by outcome: delivered, failed, given up, dropped.",
    ("outcome",),
    registry=registry,
)
for _outcome in ("delivered", "failed", "given up", "dropped"):
    deliveries.labels(_outcome)  # at 0, so that the first one is an increase
subscriptions_disabled = Counter(
    "lockstitch_subscriptions_disabled",
    "Subscriptions disabled because nothing could be delivered.",
    registry=registry,
)


def count_delivery(outcome: str) -> None:
    """Count one delivery attempt."""
    deliveries.labels(outcome).inc()


def count_disabled() -> None:
    """Count a subscription that was disabled."""
    subscriptions_disabled.inc()


class Post:
    """The outcome of one post, for its span and duration."""

    __slots__ = ("_span", "error_type", "status")

    def __init__(self, span: Span) -> None:
        self._span = span
        self.status: int | None = None
        self.error_type = ""

    def directed(self, scheme: str, address: str, port: int) -> None:
        """Set the target. The path is omitted because it is often a secret."""
        if self._span.is_recording():
            url = f"{scheme}://{address}:{port}/REDACTED"
            self._span.set_attributes({"url.full": url, "server.address": address, "server.port": port})

    def answered(self, status: int) -> None:
        """Set the status of the target's answer."""
        self.status = status
        if not 200 <= status < 300:
            self.error_type = str(status)
        if self._span.is_recording():
            self._span.set_attribute("http.response.status_code", status)


@contextmanager
def post_span() -> Iterator[Post]:
    """Trace one post. The span is current inside the block, so its `traceparent` can be sent."""
    with _tracer.start_as_current_span(
        "POST",
        kind=SpanKind.CLIENT,
        attributes={"http.request.method": "POST"},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        post = Post(span)
        started = time.perf_counter()
        try:
            yield post
        except BaseException as error:
            post.error_type = post.error_type or type(error).__qualname__
            raise
        finally:
            status_class = "" if post.status is None else f"{post.status // 100}xx"
            post_duration.labels(status_class, post.error_type).observe(time.perf_counter() - started)
            if post.error_type:
                span.set_attribute("error.type", post.error_type)
                span.set_status(Status(StatusCode.ERROR))
