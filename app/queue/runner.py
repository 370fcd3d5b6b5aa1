"""The runner: claims jobs, has each handled by its kind, and tells the queue how it ended.

    runner = QueueRunner(queue, {"ingest": ingest, "deliver": deliver}, policies=policies, listen=partial(listen, url))
    await runner.run()        until cancelled, or until `stop` was called; then what has begun is finished

Any number of runners may share a queue. Handlers are cut off after the time their kind allows, and cancelled when their
lease is lost; one that raises has failed for the reason that the exception's class is named after.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Final

from app import telemetry
from app.errors import StoreUnavailable
from app.queue.job_outcomes import Ending
from app.queue.models import Handler, Job, JobPolicy, Queue

FLOOR_SECONDS: Final = 0.01
SWEEP_SECONDS: Final = 0.9
SWEEP_ROWS: Final = 100
DEFAULT_POLICY: Final = JobPolicy()
_log = logging.getLogger("lockstitch.queue")

Listen = Callable[[Callable[[], None]], Awaitable[None]]


class QueueRunner:
    """Run at most `concurrency` jobs, and `concurrency_per_connection` of one connection: a slow vendor cannot take
    every slot.

    `lease_seconds` is the queue's; leases are extended three times as often. A lost wake-up costs at most about
    `poll_seconds`. After `stop`, jobs have `drain_seconds` to end before they are given back.
    """

    def __init__(
        self,
        queue: Queue,
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
        self._beat_seconds = lease_seconds / 3
        self._listen = listen
        self._at_once = concurrency
        self._at_once_each = concurrency_per_connection
        self._poll_seconds = poll_seconds
        self._drain_seconds = drain_seconds
        self._ending = Ending(queue)
        self._running: dict[asyncio.Task[None], Job] = {}
        self._places: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._stopping = False

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what has begun has ended."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled or stopped. Never raises for a database that is away: it tries again."""
        background = [
            asyncio.create_task(self._every(self._beat_seconds, self._beat)),
            asyncio.create_task(self._every(SWEEP_SECONDS, self._sweep)),
        ]
        if self._listen is not None:
            background.append(asyncio.ensure_future(self._listen(self._wake.set)))
        claiming = asyncio.create_task(self._claim_until_stopped())
        try:
            # A claim is never broken off: nobody would know that its jobs are ours.
            await asyncio.shield(claiming)
        finally:
            self.stop()
            await asyncio.wait({claiming})
            await self._drain()
            for task in background:
                task.cancel()
            await asyncio.wait(background)

    async def _claim_until_stopped(self) -> None:
        while not self._stopping:
            self._wake.clear()
            free = self._at_once - len(self._running)
            if free <= 0:
                await self._wake.wait()
                continue
            try:
                claimed = await self._queue.claim(free, running=self._places, at_most=self._at_once_each)
            except StoreUnavailable:
                _log.warning("the database is not available; trying again")
                await self._sleep(self._poll_seconds * _jitter())
                continue
            except Exception:  # noqa: BLE001 - the last line of defence of a loop that must go on
                _log.exception("a claim failed; trying again")
                await self._sleep(self._poll_seconds * _jitter())
                continue
            for job in claimed.jobs:
                self._start(job)
            if not claimed.jobs:
                await self._sleep(self._pause(claimed.due_in))

    def _pause(self, due_in: float | None) -> float:
        poll = self._poll_seconds * _jitter()
        return poll if due_in is None else min(poll, max(due_in, FLOOR_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        """Until woken, at most so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._work_on(job))
        self._running[task] = job
        self._places[job.connection] += 1
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        job = self._running.pop(task)
        self._places[job.connection] -= 1
        if not self._places[job.connection]:
            del self._places[job.connection]
        # There is a free place, and the next of its key may have become ready.
        self._wake.set()

    async def _work_on(self, job: Job) -> None:
        limit = self._policies.get(job.kind, DEFAULT_POLICY).attempt_seconds
        with telemetry.job_span(
            job.kind,
            job_id=job.id,
            connection=job.connection,
            attempt=job.attempt,
            correlation=job.correlation_id,
            traceparent=job.traceparent,
        ) as attempt:
            attempt.ended(await self._ending.handle(job, self._handlers.get(job.kind), limit))

    async def _beat(self) -> None:
        """Those that are just being taken away need no more time, and would seem to be lost."""
        ours = {job.id: (task, job) for task, job in self._running.items() if not self._ending.is_finishing(job)}
        if not ours:
            return
        for job_id in await self._queue.extend([job for _, job in ours.values()]):
            task, job = ours[job_id]
            if task in self._running:
                _log.warning("a job was taken from us", extra={"job_id": job_id, "kind": job.kind})
                task.cancel()

    async def _sweep(self) -> None:
        while await self._queue.expire(SWEEP_ROWS) >= SWEEP_ROWS:
            pass

    async def _every(self, seconds: float, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds * random.uniform(0.8, 1.0))  # noqa: S311 - spreads load, guards nothing
            try:
                await step()
            except StoreUnavailable:
                _log.warning("the database is not available; trying again")
            except Exception:  # noqa: BLE001 - the last line of defence of a loop that must go on
                _log.exception("the queue's upkeep failed; trying again")

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
            _log.warning("jobs could not be given back; their leases will run out", extra={"jobs": len(left)})


def _jitter() -> float:
    return random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, guards nothing
