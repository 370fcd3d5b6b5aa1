"""The runner: claims jobs, runs the handler of their kind, and records the outcomes.

    runner = QueueRunner(queue, {"ingest": ingest, "deliver": deliver}, policies=policies, listen=partial(listen, url))
    await runner.run()        until it is cancelled or `stop` is called; running jobs are then finished

Any number of runners may share a queue. A handler is cancelled after the time limit of its kind, or if its lease is
lost. The reason of a failed attempt is the name of the exception's class.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from app import telemetry
from app.errors import StoreUnavailable
from app.queue.finishing import AttemptRunner, Handler
from app.queue.jobs import PostgresQueue
from app.queue.leases import EXTENSIONS
from app.queue.models import Allowances, Claimed, Job, JobPolicy
from app.queue.places import Places, running_share

FLOOR_SECONDS: Final = 0.01
# A claim costs as much as ending several jobs, and each step of a job costs a transaction, which jobs that are claimed
# together share. So a claim that follows one with jobs waits for further arrivals. After an idle time nothing waits.
GATHER_SECONDS: Final = 0.02
# The same while more is due than may run, and for what this process has enqueued itself, which comes together.
PAUSE_SECONDS: Final = 0.004
# A claim with jobs does not tell when the next is due. If nothing wakes it, the runner looks again.
LOOK_SECONDS: Final = 0.1
# A full process leaves what it has enqueued to all workers. At a high rate it is full every moment, and so are they.
NOTIFY_SECONDS: Final = 0.1
SWEEP_SECONDS: Final = 0.9
SWEEP_ROWS: Final = 100
DEFAULT_POLICY: Final = JobPolicy()
_log = logging.getLogger("lockstitch.queue")

Listen = Callable[[Callable[[], None]], Awaitable[None]]


class QueueRunner:
    """Run at most `concurrency` jobs, of which at most `concurrency_per_connection` of one connection wait for the
    outside: a slow vendor cannot take every slot.

    `lease_seconds` is the queue's; see `leases.EXTENSIONS`. A lost wake-up costs at most about `poll_seconds`. After
    `stop`, jobs have `drain_seconds` to end before they are given back. `allowances` returns how many jobs may start
    where a budget is short.
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
        allowances: Callable[[], Allowances] = dict,
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        self._policies = policies
        self._extend_seconds = lease_seconds / EXTENSIONS
        self._listen = listen
        self._concurrency = concurrency
        self._concurrency_per_connection = concurrency_per_connection
        self._poll_seconds = poll_seconds
        self._drain_seconds = drain_seconds
        self._allowances = allowances
        self._attempts = AttemptRunner(queue)
        self._running: dict[asyncio.Task[str], Job] = {}
        self._places = Places()
        self._full: set[str] = set()  # lanes that have all the jobs they may have
        self._freed: set[str] = set()  # lanes with an answer since the last claim began
        self._short = False  # more may be due than runs
        self._own: set[str] = set()  # lanes with new jobs of this process
        self._promised: set[str] = set()  # those of which no one else was notified
        self._notified_at = -math.inf
        self._due_at = 0.0
        self._gap = math.inf  # between the last claim with jobs and the next, if it is wanted before `_due_at`
        self._claimed_at = self._claimed_own_at = -math.inf
        self._woken = asyncio.Event()
        self._stopping = False

    def stop(self) -> None:
        """Claim nothing more. `run` returns when running jobs have ended."""
        self._stopping = True
        self._queue.claimant = None
        self._woken.set()

    async def run(self) -> None:
        """Run until cancelled or stopped. Retries while the database is down."""
        background = [
            asyncio.create_task(self._every(self._extend_seconds, self._extend_leases)),
            asyncio.create_task(self._every(SWEEP_SECONDS, self._expire_leases)),
        ]
        if self._listen is not None:
            background.append(asyncio.ensure_future(self._listen(partial(self._wake, GATHER_SECONDS))))
        self._queue.claimant = self
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

    def has_room_for(self, connections: Collection[str]) -> bool:
        """See `Claimant`."""
        return not self._short and self._full.isdisjoint(connections)

    def claim_soon(self, connections: Collection[str], *, promised: bool) -> None:
        """See `Claimant`."""
        self._own.update(connections)
        if promised:
            self._promised.update(connections)
        self._woken.set()

    def _wake(self, gap: float = PAUSE_SECONDS) -> None:
        """Claim soon, but not before the last claim with jobs is so many seconds ago."""
        self._gap = min(self._gap, gap)
        self._woken.set()

    async def _claim_until_stopped(self) -> None:
        while not self._stopping:
            self._woken.clear()
            free, now = self._concurrency - len(self._running), time.monotonic()
            at = min(self._due_at, self._claimed_at + self._gap)
            own_at = self._claimed_own_at + PAUSE_SECONDS if self._own else math.inf
            try:
                if free > 0 and min(at, own_at) > now:
                    await self._sleep(min(at, own_at) - now)
                elif free > 0:
                    await self._claim(free, set() if at <= now else self._own)
                else:
                    await self._wait_for_place()
            except StoreUnavailable:
                _log.warning("the database is unavailable; retrying")
                self._due_at = time.monotonic() + self._poll_seconds * _jitter()
            except Exception:  # noqa: BLE001 - the loop must survive
                _log.exception("a claim failed; retrying")
                self._due_at = time.monotonic() + self._poll_seconds * _jitter()

    async def _claim(self, free: int, of: Collection[str]) -> None:
        """Claim jobs of all lanes, or only `of` some."""
        if not of:
            self._gap = math.inf
        promised, self._promised = self._promised, set()
        self._own, self._freed = set(), set()
        claimed = await self._queue.claims.claim(
            free,
            running=self._places.by_lane(free),
            at_most=self._concurrency_per_connection,
            of=of,
            allowances=self._allowances(),
        )
        for job in claimed.jobs:
            self._start(job)
        if of:
            self._claimed_own(claimed, of)
        else:
            self._claimed_all(claimed)
        if promised and not self.has_room_for(promised):
            self._promised |= promised
            await self._leave_to_others()

    async def _wait_for_place(self) -> None:
        """Wait until a job has ended. Jobs that were promised a place meanwhile are left to all workers."""
        self._short = True
        await self._leave_to_others()
        if self._promised:
            await self._sleep(self._notified_at + NOTIFY_SECONDS - time.monotonic())
        else:
            await self._woken.wait()

    async def _leave_to_others(self) -> None:
        now = time.monotonic()
        if self._promised and now >= self._notified_at + NOTIFY_SECONDS:
            self._promised, self._notified_at = set(), now
            await self._queue.notify_workers()

    def _claimed_all(self, claimed: Claimed) -> None:
        now = time.monotonic()
        self._note_full(claimed)
        if not claimed.jobs:
            self._short = claimed.due_in is not None and claimed.due_in <= 0
            self._due_at = now + self._pause(claimed.due_in)
            return
        self._claimed_at = now
        self._due_at = now + (PAUSE_SECONDS if claimed.more else LOOK_SECONDS)

    def _claimed_own(self, claimed: Claimed, of: Collection[str]) -> None:
        self._claimed_own_at = time.monotonic()
        self._note_full(claimed)
        if not {job.connection for job in claimed.jobs}.issuperset(of):
            self._wake(GATHER_SECONDS)  # its lane is new, or another process has locked it

    def _note_full(self, claimed: Claimed) -> None:
        self._short = claimed.more
        self._full |= set(claimed.full) - self._freed
        if not self._freed.isdisjoint(claimed.full):
            self._wake()

    def _pause(self, due_in: float | None) -> float:
        poll = self._poll_seconds * _jitter()
        return poll if due_in is None else min(poll, max(due_in, FLOOR_SECONDS))

    async def _sleep(self, seconds: float) -> None:
        """Sleep until woken, at most this long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._work_on(job))
        self._running[task] = job
        self._places.take(job)
        task.add_done_callback(self._ended)

    def _answered(self, job: Job) -> None:
        self._places.answered(job)
        self._free(job)

    def _free(self, job: Job) -> None:
        """Claim again if jobs may wait for this place."""
        self._freed.add(job.connection)
        if self._short or job.connection in self._full:
            self._full.discard(job.connection)
            self._wake()

    def _ended(self, task: asyncio.Task[str]) -> None:
        job = self._running.pop(task)
        self._places.ended(job)
        self._free(job)
        if task.cancelled() or task.exception() is not None or task.result() != "done":
            self._wake()  # it may be ready again

    async def _work_on(self, job: Job) -> str:
        limit = self._policies.get(job.kind, DEFAULT_POLICY).attempt_seconds
        running_share.set(job.share)
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
        return outcome

    async def _extend_leases(self) -> None:
        """Extend the leases of running jobs, except those whose outcome is being recorded: they would seem lost."""
        leased = {job.id: (task, job) for task, job in self._running.items() if not self._attempts.is_finishing(job)}
        if not leased:
            return
        for job_id in await self._queue.leases.extend([job for _, job in leased.values()]):
            task, job = leased[job_id]
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
