"""Run attempts at jobs, classify their outcomes, and end the jobs in the transaction of what their handlers write."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeAlias

import asyncpg

from app import telemetry
from app.errors import ConnectionPaused, Erased, StoreUnavailable, VendorThrottled
from app.postgres.batching import Batcher
from app.postgres.database import Statement, Transaction
from app.problem_document import Problem
from app.queue.enqueue import job_subject
from app.queue.jobs import FINISH, First, PostgresQueue, ids_of
from app.queue.models import (
    VENDOR_ANSWERED,
    Conflict,
    Deferred,
    Done,
    Exhausted,
    Job,
    JobFailure,
    JobOutcome,
    LeaseLost,
    Permanent,
    Retry,
    Throttled,
    Unauthorised,
)
from mappings.spec import Unmappable

TRIES: Final = 3
MOST_PAUSE_SECONDS: Final = 1.6
UNKNOWN_KIND_SECONDS: Final = 10.0
# An outage is not the job's fault. A statement that is too slow, or aborted, may be.
_OWN_FAULTS: Final = (TimeoutError, asyncpg.QueryCanceledError, asyncpg.TransactionRollbackError)
_VENDOR_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_log = logging.getLogger("lockstitch.queue")


class Finishing:
    """Ends one job, for its handler: `async with finishing() as transaction`.

    To end several jobs together, pass theirs to `finishing_together` or `finish_together`. `in_progress` gets the id of
    the job while its row may disappear at any moment. A handler that waits before it ends its job calls `answered`
    when it has heard from the outside: then the job needs no place of its lane any more.
    """

    def __init__(self, queue: PostgresQueue, job: Job, in_progress: set[int], answered: Callable[[], None]) -> None:
        self.queue = queue
        self.job = job
        self.in_progress = in_progress
        self.answered = answered
        self.traceparent = telemetry.current_traceparent()
        self.committed = False

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[Transaction]:
        """Open the transaction in which the job is deleted. Raises LeaseLost before the block runs."""
        async with finishing_together([self]) as (transaction, rows):
            if not rows:
                raise LeaseLost(job_subject(self.job.id))
            yield transaction


Handler: TypeAlias = Callable[[Job, Finishing], Awaitable[JobOutcome]]


@asynccontextmanager
async def finishing_together(
    jobs: Sequence[Finishing], query: Statement = FINISH, *arguments: object, first: First | None = None
) -> AsyncIterator[tuple[Transaction, list[asyncpg.Record]]]:
    """Open a transaction in which these jobs are deleted. Yields it with the rows of `query`, as for
    `PostgresQueue.finishing`."""
    with _marked(jobs) as committed:
        async with jobs[0].queue.finishing(_ended(jobs), query, *arguments, first=first) as (transaction, rows):
            yield transaction, rows
        committed |= ids_of(rows)


async def finish_together(jobs: Sequence[Finishing], query: Statement = FINISH, *arguments: object) -> set[int]:
    """Delete these jobs, and return the ids of those whose lease was held. `query` is as for
    `PostgresQueue.finishing`."""
    with _marked(jobs) as committed:
        committed |= await jobs[0].queue.finish(_ended(jobs), query, *arguments)
    return committed


@contextmanager
def _marked(jobs: Sequence[Finishing]) -> Iterator[set[int]]:
    """Mark jobs that are being deleted. Yields a set for the ids of those whose end is committed.

    These stay marked until their attempts have ended: the heartbeat would miss their rows.
    """
    ids, committed, in_progress = {one.job.id for one in jobs}, set[int](), jobs[0].in_progress
    in_progress |= ids
    for one in jobs:
        one.answered()
    try:
        yield committed
    finally:
        in_progress -= ids - committed
        for one in jobs:
            one.committed = one.job.id in committed


def _ended(jobs: Sequence[Finishing]) -> list[tuple[Job, str | None]]:
    return [(one.job, one.traceparent) for one in jobs]


class AttemptRunner:
    """Runs handlers and records their outcomes. Finished jobs without writes are deleted in batches, one transaction
    each."""

    def __init__(self, queue: PostgresQueue) -> None:
        self._queue = queue
        self._ends: Batcher[Finishing, bool] = Batcher.of(_finish_all, gathers=True)
        self._finishing: set[int] = set()

    def is_finishing(self, job: Job) -> bool:
        """Return whether the job's outcome is being recorded, so the lease may end at any moment."""
        return job.id in self._finishing

    async def handle(self, job: Job, handler: Handler | None, limit: float, answered: Callable[[], None]) -> str:
        """Make one attempt of at most `limit` seconds, and return its outcome in a word. Raises only CancelledError.

        `answered` is called when the outside has answered.
        """
        finishing = Finishing(self._queue, job, self._finishing, answered)
        try:
            return await self._handle(finishing, handler, limit)
        finally:
            self._finishing.discard(job.id)

    async def _handle(self, finishing: Finishing, handler: Handler | None, limit: float) -> str:
        job = finishing.job
        outcome: JobOutcome | None = None
        if handler is not None:
            outcome = await _attempt(handler, finishing, limit)
        if finishing.committed:
            word = "done"
        elif handler is not None and outcome is None:
            word = "lost"
        else:
            word = await self._settle(finishing, outcome)
        code = getattr(outcome, "reason", None)
        telemetry.note_wait(word, code or "")
        level = logging.INFO if word in ("done", "deferred") else logging.WARNING
        if _log.isEnabledFor(level):
            _log.log(level, "a job ended: %s", word, extra=_named(job) | {"outcome": word, "code": code})
        return word

    async def _settle(self, finishing: Finishing, outcome: JobOutcome | None) -> str:
        named = _named(finishing.job)
        self._finishing.add(finishing.job.id)
        pause, failures = 0.2, 0
        while failures < TRIES:
            try:
                return await self._record(finishing, outcome)
            except LeaseLost:
                break
            except StoreUnavailable:  # the lease ends this, which the database will know when it is back
                await asyncio.sleep(pause)
                pause = min(2 * pause, MOST_PAUSE_SECONDS)
            except Exception:  # noqa: BLE001 - such as a bug
                failures += 1
                _log.exception("the outcome of a job could not be recorded; retrying", extra=named)
        _log.warning("the outcome of a job was not recorded: its lease was lost or will expire", extra=named)
        return "lost"

    async def _record(self, finishing: Finishing, outcome: JobOutcome | None) -> str:
        job = finishing.job
        match outcome:
            case None:
                # During an upgrade some workers are newer than others.
                await self._queue.give_back([job], "this worker does not know its kind", after=UNKNOWN_KIND_SECONDS)
                return "deferred"
            case Done():
                return "done" if await self._ends.run(finishing) else "lost"
            case Retry(reason=reason, after=after, at_least=at_least, record=record):
                return await self._queue.retry(job, reason, after=after, at_least=at_least, also=record)
            case Throttled(reason=reason, retry_after=seconds):
                await self._queue.throttle(job, reason, retry_after=seconds)
                return "throttled"
            case Unauthorised(reason=reason):
                await self._queue.refuse(job, reason)
                return "unauthorised"
            case Deferred(reason=reason, after=seconds):
                await self._queue.give_back([job], reason, after=seconds)
                return "deferred"
            case Exhausted(reason=reason):
                await self._queue.bury(job, JobFailure(category="transient", reason=reason))
                return "dead"
            case Permanent():
                await self._queue.bury(job, _failure(outcome))
                return "dead"
            case Conflict(record=record):
                await self._queue.bury(job, _failure(outcome), also=record)
                return "dead"


async def _finish_all(ended: Sequence[Finishing]) -> list[bool]:
    """Delete jobs that wrote nothing. False where the lease was lost."""
    committed = await finish_together(ended)
    return [one.job.id in committed for one in ended]


async def _attempt(handler: Handler, finishing: Finishing, limit: float) -> JobOutcome | None:
    """Return the handler's outcome; None if the lease was lost."""
    job = finishing.job
    try:
        async with asyncio.timeout(limit):
            return await handler(job, finishing)
    except LeaseLost:
        _log.warning("the lease of a job was lost", extra=_named(job))
        return None
    except TimeoutError:
        return Retry(reason="timed out")
    except Erased:
        return Done()
    except Problem as problem:
        return _of_problem(problem)
    except Exception as error:  # noqa: BLE001 - any exception is a failed attempt
        # Without its text, which may quote a payload. The log has the place.
        _log.exception("a job failed", extra=_named(job))
        return Retry(reason=type(error).__qualname__)


def _of_problem(problem: Problem) -> JobOutcome:
    if isinstance(problem, ConnectionPaused) and problem.is_no_failure:
        # The lane is already blocked, or was just resumed. This job must not change it.
        after = 0.0 if problem.until_resumed else problem.retry_after or 0.0
        return Deferred(reason=problem.code, after=after)
    if isinstance(problem, StoreUnavailable) and not isinstance(problem.__cause__, _OWN_FAULTS):
        return Deferred(reason=problem.code)
    if isinstance(problem, VendorThrottled) and problem.is_ours:
        return Deferred(reason=problem.code, after=problem.retry_after or 0.0)
    match problem.category:
        case "throttle":
            return Throttled(reason=problem.code, retry_after=problem.retry_after)
        case "auth":
            return Unauthorised(reason=problem.code)
        case "permanent":
            return Permanent(reason=_reason(problem), path=_path(problem))
        case "conflict":
            return Conflict(reason=_reason(problem), path=_path(problem))
        case "transient":
            # Wait for the connection's pause, or a day's attempts would be used up in minutes.
            return Retry(reason=problem.code, at_least=problem.retry_after or 0.0)


def _reason(problem: Problem) -> str:
    """Return the code and the vendor's answer, without the vendor's words: they may quote a person."""
    says = problem.vendor
    if says is None or says.status is None:
        return problem.code
    code = f", {says.code}" if says.code is not None and _VENDOR_CODE.fullmatch(says.code) else ""
    return f"{problem.code} {VENDOR_ANSWERED}{says.status}{code})"


def _path(problem: Problem) -> str | None:
    cause = problem.__cause__
    if isinstance(cause, Unmappable):
        return cause.place
    return next((error.pointer for error in problem.errors if isinstance(error.pointer, str)), None)


def _failure(outcome: Permanent | Conflict) -> JobFailure:
    return JobFailure(
        category="permanent" if isinstance(outcome, Permanent) else "conflict",
        reason=outcome.reason,
        path=outcome.path,
        mapping=outcome.mapping,
        revision=outcome.revision,
        skip=outcome.skip,
    )


def _named(job: Job) -> dict[str, object]:
    return {
        "job_id": job.id,
        "kind": job.kind,
        "connection": job.connection,
        "attempt": job.attempt,
        "origin": job.origin,
        "correlation_id": job.correlation_id,
    }
