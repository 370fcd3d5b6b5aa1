"""The runner: what a handler says or raises, and what becomes of its job."""

import asyncio
from typing import Any

import pytest

from app.errors import ConnectionPaused, DuplicateRecord, InvalidField, VendorAuthFailed, VendorThrottled, VendorTimeout
from app.postgres.database import Statement
from app.problem_document import FieldError, Problem
from app.queue.finishing import Finishing
from app.queue.models import (
    Conflict,
    Deferred,
    Done,
    Job,
    JobOutcome,
    JobPolicy,
    Permanent,
    Retry,
    Throttled,
    Unauthorised,
)
from tests.queue.harness import Harness, new, running, until
from tests.required import required

LAST_ATTEMPT = Statement(
    "SELECT attempt", "SELECT outcome, category, reason FROM attempt ORDER BY ended_at DESC LIMIT 1"
)


async def attempt_once(harness: Harness, ends: JobOutcome | Exception) -> tuple[object, ...]:
    """Run one job whose handler says or raises this; the attempt as it was recorded."""
    await harness.enqueue(new())
    made = 0

    async def handler(_job: Job, _finishing: Finishing) -> JobOutcome:
        nonlocal made
        made += 1
        if isinstance(ends, Exception):
            raise ends
        return ends

    async with running(harness, handler):
        await until(lambda: made)
    return tuple(required(await harness.database.fetch_row(LAST_ATTEMPT)))


@pytest.mark.parametrize(
    ("ends", "recorded", "left"),
    [
        (Done(), ("done", None, None), []),
        (Retry(reason="timeout", after=60.0), ("retried", "transient", "timeout"), ["ready"]),
        (Throttled(reason="429", retry_after=60.0), ("deferred", "throttle", "429"), ["ready"]),
        (Unauthorised(reason="bad token"), ("deferred", "auth", "bad token"), ["ready"]),
        (Deferred(reason="not now", after=60.0), ("deferred", None, "not now"), ["ready"]),
        (ConnectionPaused(until_resumed=True), ("deferred", None, "connection-paused"), ["ready"]),
        (ConnectionPaused(category="auth", retry_after=60.0), ("deferred", None, "connection-paused"), ["ready"]),
        (ConnectionPaused(retry_after=60.0), ("retried", "transient", "connection-paused"), ["ready"]),
        (Permanent(reason="no such field", path="/a"), ("dead", "permanent", "no such field"), []),
        (Conflict(reason="not owner"), ("dead", "conflict", "not owner"), []),
        (VendorTimeout(retry_after=60.0), ("retried", "transient", "vendor-timeout"), ["ready"]),
        (VendorThrottled(retry_after=60.0), ("deferred", "throttle", "vendor-throttled"), ["ready"]),
        (VendorAuthFailed(), ("deferred", "auth", "vendor-auth-failed"), ["ready"]),
        (InvalidField(errors=(FieldError(pointer="/a", detail="?"),)), ("dead", "permanent", "invalid-field"), []),
        (DuplicateRecord(), ("dead", "conflict", "duplicate-record"), []),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Problem | Done | Retry) else None,
)
async def test_what_a_handler_says_or_raises_is_what_becomes_of_the_job(
    harness: Harness, ends: JobOutcome | Exception, recorded: tuple[object, ...], left: list[str]
) -> None:
    assert await attempt_once(harness, ends) == recorded
    assert list((await harness.states()).values()) == left


MANY_FAILED = Statement("UPDATE job", "UPDATE job SET attempts = 6")
RUN_IN = Statement("SELECT job", "SELECT extract(epoch FROM run_at - now())::float8 FROM job")


async def test_a_pause_that_ends_soon_does_not_use_up_the_patience_of_the_queue(harness: Harness) -> None:
    await harness.enqueue(new())
    await harness.database.execute(MANY_FAILED)

    async def not_yet(_job: Job, _finishing: Finishing) -> JobOutcome:
        raise ConnectionPaused(retry_after=5.0)

    async with running(harness, not_yet):
        await until_recorded(harness)

    waits = await harness.database.fetch_value(RUN_IN)
    assert waits > 10.0  # its back-off, which is up to a minute and more by now, and not just the pause


async def test_an_exception_is_a_failed_attempt_and_its_text_is_kept_nowhere(harness: Harness) -> None:
    recorded = await attempt_once(harness, ValueError("ada@example.com"))

    assert recorded == ("retried", "transient", "ValueError")


async def test_a_place_in_the_payload_is_found_in_the_dead_letter(harness: Harness) -> None:
    await attempt_once(harness, InvalidField(errors=(FieldError(pointer="/emails/0", detail="not an address"),)))

    (dead,) = await harness.dead()
    assert (dead.path, dead.category) == ("/emails/0", "permanent")


async def test_a_finished_job_stays_finished_after_an_error(harness: Harness) -> None:
    await harness.enqueue(new())

    async def finish_and_fail(_job: Job, finishing: Finishing) -> JobOutcome:
        async with finishing() as transaction:
            await harness.queue.enqueue(transaction, new("outgoing", after=60.0))
        raise ValueError

    async with running(harness, finish_and_fail):
        await until_recorded(harness)

    await harness.pass_time(60)
    assert [job.kind for job in await harness.claim_all()] == ["outgoing"]


async def until_recorded(harness: Harness) -> None:
    await until(lambda: harness.database.fetch_row(LAST_ATTEMPT))


async def test_an_attempt_that_takes_too_long_is_cut_off(harness: Harness) -> None:
    await harness.enqueue(new())

    async def hang(_job: Job, _finishing: Finishing) -> JobOutcome:
        await asyncio.Event().wait()
        return Done()

    async with running(harness, hang, policies={"work": JobPolicy(attempt_seconds=0.05)}):
        await until_recorded(harness)

    row = required(await harness.database.fetch_row(LAST_ATTEMPT))
    assert tuple(row) == ("retried", "transient", "timed out")


async def test_an_unknown_kind_waits_for_a_worker_that_knows_it(harness: Harness) -> None:
    await harness.enqueue(new("of-the-next-version"))

    async def handler(_job: Job, _finishing: Finishing) -> JobOutcome:
        return Done()

    async with running(harness, handler):
        await until_recorded(harness)

    assert list((await harness.states()).values()) == ["ready"]
    assert 5.0 < (await harness.due_in() or 0) <= 10.0


@pytest.mark.parametrize("paused", [{"until_resumed": True}, {"retry_after": 60.0}], ids=["unaware", "behind a probe"])
async def test_a_job_that_meets_the_last_of_a_pause_does_not_begin_it_anew(
    harness: Harness, paused: dict[str, Any]
) -> None:
    """It was claimed when a person had resumed the connection, by a process that had not yet heard of it, or whose
    first request has no answer yet."""
    assert await attempt_once(harness, ConnectionPaused(category="auth", **paused)) == (
        "deferred",
        None,
        "connection-paused",
    )
    assert [lane.blocked_reason for lane in await harness.lanes.list()] == [None]
