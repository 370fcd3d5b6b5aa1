"""The runner: claims jobs, runs the handler of their kind, and records the outcomes.

    runner = QueueRunner(queue, {"ingest": ingest, "deliver": deliver}, policies=policies, listen=partial(listen, url))
    await runner.run()        until it is cancelled or `stop` is called; running jobs are then finished

Any number of runners may share a queue. A handler is cancelled after the time limit of its kind, or if its lease is
lost. The reason of a failed attempt is the name of the exception's class.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from app import telemetry
from app.errors import StoreUnavailable
from app.queue.finishing import Handler
from app.queue.job_outcomes import AttemptRunner
from app.queue.jobs import PostgresQueue
from app.queue.models import Job, JobPolicy
from app.queue.places import Places
from app.queue.vendor_calls import count_vendor_calls

FLOOR_SECONDS: Final = 0.01
# Between two claims of one lane, so that each finds more jobs: a claim costs as much as ending several.
GATHER_SECONDS: Final = 0.004
SWEEP_SECONDS: Final = 0.9
SWEEP_ROWS: Final = 100
DEFAULT_POLICY: Final = JobPolicy()
_log = logging.getLogger("lockstitch.queue")

Listen = Callable[[Callable[[], None]], Awaitable[None]]


class QueueRunner:
    """Run at most `concurrency` jobs, of which at most `concurrency_per_connection` of one connection wait for the
    outside: a slow vendor cannot take every slot.

    `lease_seconds` is the queue's; leases are extended three times as often. A lost wake-up costs at most about
    `poll_seconds`. After `stop`, jobs have `drain_seconds` to end before they are given back.
    """

    def __init__(
        self,
        queue: PostgresQueue,
        handlers: Mapping[str, Handler],
        *,
        policies: Mapping[str, JobPolicy],
        lease_seconds: float,
        listen: Listen | None = None,
        concurrency: int = 64,
        concurrency_per_connection: int = 32,
        poll_seconds: float = 1.0,
        drain_seconds: float = 15.0,
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        self._policies = policies
        self._extend_seconds = lease_seconds / 3
        self._listen = listen
        self._concurrency = concurrency
        self._concurrency_per_connection = concurrency_per_connection
        self._poll_seconds = poll_seconds
        self._drain_seconds = drain_seconds
        self._attempts = AttemptRunner(queue)
        self._running: dict[asyncio.Task[str], Job] = {}
        self._places = Places()
        self._short_of_places = False  # or not known yet
        self._wake = asyncio.Event()
        self._stopping = False

    def stop(self) -> None:
        """Claim nothing more. `run` returns when running jobs have ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Run until cancelled or stopped. Retries while the database is down."""
        background = [
            asyncio.create_task(self._every(self._extend_seconds, self._extend_leases)),
            asyncio.create_task(self._every(SWEEP_SECONDS, self._expire_leases)),
        ]
        if self._listen is not None:
            background.append(asyncio.ensure_future(self._listen(self._wake.set)))
        claiming = asyncio.create_task(self._claim_until_stopped())
        try:
            # Never cancel a claim: its jobs would stay leased to no one.
            await asyncio.shield(claiming)
        finally:
            self.stop()
            await asyncio.wait({claiming})
            await self._drain()
            for task in background:
                task.cancel()
            await asyncio.wait(background)

    async def _claim_until_stopped(self) -> None:
        served_last = ""
        while not self._stopping:
            self._wake.clear()
            free = self._concurrency - len(self._running)
            self._short_of_places = True
            if free <= 0:
                await self._wake.wait()
                continue
            try:
                claimed = await self._queue.claim(
                    free, running=self._places.held(free), at_most=self._concurrency_per_connection
                )
            except StoreUnavailable:
                _log.warning("the database is unavailable; retrying")
                await self._sleep(self._poll_seconds * _jitter())
                continue
            except Exception:  # noqa: BLE001 - the loop must survive
                _log.exception("a claim failed; retrying")
                await self._sleep(self._poll_seconds * _jitter())
                continue
            for job in claimed.jobs:
                self._start(job)
            if not claimed.jobs:
                self._short_of_places = claimed.due_in is not None and claimed.due_in <= 0
                await self._sleep(self._pause(claimed.due_in))
                continue
            # Claims serve the lanes in the order of their names, and then begin anew: pause once a round.
            served = claimed.jobs[0].connection
            if served <= served_last:
                await asyncio.sleep(GATHER_SECONDS)
            served_last = served

    def _pause(self, due_in: float | None) -> float:
        poll = self._poll_seconds * _jitter()
        return poll if due_in is None else min(poll, max(due_in, FLOOR_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        """Sleep until woken, at most this long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._work_on(job))
        self._running[task] = job
        self._places.take(job)
        task.add_done_callback(self._ended)

    def _answered(self, job: Job) -> None:
        self._places.answered(job)
        if self._short_of_places:
            self._wake.set()

    def _ended(self, task: asyncio.Task[str]) -> None:
        job = self._running.pop(task)
        self._places.ended(job)
        done = not task.cancelled() and task.exception() is None and task.result() == "done"
        # The next job of the key may be ready, or this one again.
        if self._short_of_places or job.order_key is not None or not done:
            self._wake.set()

    async def _work_on(self, job: Job) -> str:
        limit = self._policies.get(job.kind, DEFAULT_POLICY).attempt_seconds
        calls = count_vendor_calls()
        with telemetry.job_span(
            job.kind,
            job_id=job.id,
            connection=job.connection,
            attempt=job.attempt,
            correlation=job.correlation_id,
            traceparent=job.traceparent,
        ) as attempt:
            outcome = await self._attempts.handle(
                job, self._handlers.get(job.kind), limit, partial(self._answered, job)
            )
            attempt.ended(outcome)
        if job.paced and not calls.any:
            self._queue.return_token(job.connection)
            self._wake.set()
        return outcome

    async def _extend_leases(self) -> None:
        """Extend the leases of running jobs, except those being deleted, which would seem lost."""
        held = {job.id: (task, job) for task, job in self._running.items() if not self._attempts.is_finishing(job)}
        if not held:
            return
        for job_id in await self._queue.extend([job for _, job in held.values()]):
            task, job = held[job_id]
            if task in self._running and not self._attempts.is_finishing(job):
                _log.warning("the lease of a job was lost", extra={"job_id": job_id, "kind": job.kind})
                task.cancel()

    async def _expire_leases(self) -> None:
        while await self._queue.expire(SWEEP_ROWS) >= SWEEP_ROWS:
            pass

    async def _every(self, seconds: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds * random.uniform(0.8, 1.0))  # noqa: S311 - spreads load, guards nothing
            try:
                await step()
            except StoreUnavailable:
                _log.warning("the database is unavailable; retrying")
            except Exception:  # noqa: BLE001 - the loop must survive
                _log.exception("upkeep of the queue failed; retrying")

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=self._drain_seconds)
        left = dict(self._running)
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.wait(left)
        try:
            await self._queue.give_back(list(left.values()), "the worker was stopped")
        except StoreUnavailable:
            _log.warning("jobs could not be released; their leases will expire", extra={"jobs": len(left)})


def _jitter() -> float:
    return random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
