"""Traces: the first attempt continues the trace of its enqueuer; later attempts link to it."""

import asyncio
from collections.abc import Iterator

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from app import telemetry
from app.queue.finishing import Finishing
from app.queue.models import Done, Job, JobOutcome, Permanent, Retry
from app.queue.runner import QueueRunner
from tests.fixtures import opened
from tests.queue.harness import Harness, new, until
from tests.required import required
from tests.telemetry.recording import Recording, recording

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"


spans = opened(recording)


async def test_attempts_and_redrives_are_one_story(harness: Harness, spans: Recording) -> None:
    outcomes: Iterator[JobOutcome] = iter([Retry(reason="timeout", after=0.0), Permanent(reason="no"), Done()])

    async def handler(_job: Job, _finishing: Finishing) -> JobOutcome:
        return next(outcomes)

    await harness.enqueue(new(traceparent=f"00-{TRACE}-{SPAN}-01", correlation_id="run-1"))
    runner = QueueRunner(harness.queue, {"work": handler}, policies={}, lease_seconds=30.0)
    task = asyncio.create_task(runner.run())
    async with asyncio.timeout(30):
        await until(harness.dead)
        (dead,) = await harness.dead()
        async with harness.database.transaction() as session:
            await harness.dead_letters.redrive(session, dead.id, actor="ada")
        await until(lambda: len(_attempts(spans)) == 3)
    runner.stop()
    await task

    first, second, redriven = _attempts(spans)
    assert (_trace(first), _parent(first), _links(first)) == (TRACE, SPAN, [])
    assert (_parent(second), _links(second)) == (None, [f"{TRACE}-{SPAN}"])
    assert (_parent(redriven), _links(redriven)) == (None, [f"{_trace(second)}-{_span(second)}"])
    assert _trace(second) == _trace(redriven) == f"{telemetry.derive_trace_id('run-1'):032x}"
    for span, outcome in ((first, "retried"), (second, "dead"), (redriven, "done")):
        assert span.attributes is not None
        assert span.attributes["correlation.id"] == "run-1"
        assert span.attributes["messaging.destination.name"] == "work"
        assert span.attributes["lockstitch.outcome"] == outcome
    attempts = await harness.dead_letters.attempts(dead.job_id)
    assert [attempt.traceparent for attempt in attempts] == [
        f"00-{_trace(span)}-{_span(span)}-01" for span in (first, second, redriven)
    ]


def _attempts(spans: Recording) -> list[ReadableSpan]:
    return [span for span in spans.finished() if span.name == "process work"]


def _trace(span: ReadableSpan) -> str:
    return f"{_context(span).trace_id:032x}"


def _span(span: ReadableSpan) -> str:
    return f"{_context(span).span_id:016x}"


def _parent(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def _links(span: ReadableSpan) -> list[str]:
    return [f"{link.context.trace_id:032x}-{link.context.span_id:016x}" for link in span.links]


def _context(span: ReadableSpan) -> SpanContext:
    return required(span.get_span_context())
