"""The worker: runs jobs, continues undecided operations, seals the audit trail, sends alarms, and removes expired
rows."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import uvloop

from app import telemetry
from app.audit.trail import PostgresAuditTrail
from app.credentials.due import announce_due
from app.dead_letters.bulk_redrive import run_due_redrives
from app.dead_letters.deps import DeadLetterDeps
from app.events.deps import AnnounceDeps
from app.monitoring.deps import MonitoringDeps
from app.monitoring.failures import key_failures
from app.monitoring.retention import reap
from app.monitoring.routes import PROBES
from app.periodic import PeriodicTasks, WhenDue
from app.server import serve_application
from app.settings.environment import Settings
from app.uploads.deps import UploadDeps
from app.uploads.export_folder import take_from_folders
from app.vendors.deps import VendorDeps
from app.walks.deps import FreshnessDeps, PullDeps, ReconcileDeps
from app.walks.pull.freshness import announce_freshness
from app.walks.pull.start import start_due_pulls
from app.walks.reconcile.start import start_due_reconciles
from app.wiring.runtime import Runtime, open_runtime
from app.writes.decide_approval import end_expired
from app.writes.deps import WriteDeps
from app.writes.models import Begun
from app.writes.recover import recover

CONCURRENCY: Final = 16
POLL_SECONDS: Final = 0.25
SEAL_SECONDS: Final = 0.4
ANCHOR_SECONDS: Final = 300.0
WATCH_SECONDS: Final = 5.0
REAP_SECONDS: Final = 60.0
DUE_SECONDS: Final = 60.0
PULLS_SECONDS: Final = 1.0
FRESHNESS_SECONDS: Final = 5.0
TOKENS_SECONDS: Final = 30.0
APPROVALS_SECONDS: Final = 2.0
EXPORTS_SECONDS: Final = 3.0
FAILURES_SECONDS: Final = 2.0
DRAIN_SECONDS: Final = 15.0
# Then the runner releases unfinished jobs, for which it needs the database.
GIVE_BACK_SECONDS: Final = 3.0
_log = logging.getLogger("lockstitch.worker")


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then finish what has begun."""
    telemetry.set_up(settings, "worker")
    try:
        uvloop.run(_run(settings))
    finally:
        telemetry.shut_down()


async def _run(settings: Settings) -> None:
    async with open_runtime(settings, works=True) as runtime:
        assert runtime.runner is not None  # noqa: S101 - opened with works=True
        jobs = asyncio.create_task(runtime.runner.run())
        work = asyncio.create_task(Worker(runtime, lambda: not jobs.done()).run())
        try:
            await serve_application(runtime.dependencies, PROBES, settings, settings.worker_port)
        finally:
            runtime.runner.stop()
            work.cancel()
            await asyncio.wait({work, jobs}, timeout=DRAIN_SECONDS + GIVE_BACK_SECONDS)


class Worker:
    """A few periodic tasks over one database. Any number of workers may run; rows are claimed, not assigned. `jobs_run`
    returns whether the job runner is alive."""

    def __init__(self, runtime: Runtime, jobs_run: Callable[[], bool]) -> None:
        assert runtime.upkeep is not None  # noqa: S101 - opened with works=True
        self._runtime = runtime
        self._upkeep = runtime.upkeep
        self._writes = runtime.dependencies.of(WriteDeps)
        self._jobs_run = jobs_run
        self._loops = PeriodicTasks()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run until cancelled, then finish the operations in progress."""
        for rule in self._runtime.dependencies.of(FreshnessDeps).rules:
            if rule.unreachable is not None:
                _log.warning("%s of %s: %s", rule.object, rule.connection, rule.unreachable)
        operations = WhenDue(self._writes.operations.due_in, self._claim)
        redrives = WhenDue(self._runtime.dependencies.of(DeadLetterDeps).redrives.due_in, self._redrive)
        listen = self._runtime.listener.listen
        listening = [asyncio.create_task(listen(each.wake)) for each in (operations, redrives)]
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, seconds, step in (
                    ("operations", POLL_SECONDS, operations),
                    ("redrives", POLL_SECONDS, redrives),
                    ("seal", SEAL_SECONDS, self._runtime.seal),
                    ("anchor", ANCHOR_SECONDS, self._anchor),
                    ("reap", REAP_SECONDS, self._reap),
                    ("failure keys", FAILURES_SECONDS, self._key_failures),
                    ("secrets due", DUE_SECONDS, self._announce_due),
                    ("tokens", TOKENS_SECONDS, self._renew_tokens),
                    ("approvals", APPROVALS_SECONDS, self._end_approvals),
                    ("exports", EXPORTS_SECONDS, self._take_exports),
                    ("pulls", PULLS_SECONDS, self._start_pulls),
                    ("freshness", FRESHNESS_SECONDS, self._announce_freshness),
                    ("watch", WATCH_SECONDS, self._upkeep.watch.check),
                    ("dead man's switch", self._upkeep.heartbeat_seconds, self._signal_alive),
                ):
                    tasks.create_task(self._loops.run(name, seconds, step))
        finally:
            for each in listening:
                each.cancel()
            if self._running:
                await asyncio.wait(self._running, timeout=DRAIN_SECONDS)

    async def _claim(self) -> bool:
        free = CONCURRENCY - len(self._running)
        if free <= 0:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            return True
        due = await self._writes.operations.claim_due(free)
        for begun in due:
            task = asyncio.create_task(self._recover(begun))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(due) == free

    async def _recover(self, begun: Begun) -> None:
        try:
            await recover(self._writes, begun)
        except Exception:  # noqa: BLE001 - the loop must survive
            # It is claimed again when its lease expires.
            _log.exception("an operation could not be continued", extra={"operation_id": begun.operation.id})

    async def _redrive(self) -> bool:
        return await run_due_redrives(self._runtime.dependencies.of(DeadLetterDeps))

    async def _anchor(self) -> bool:
        """Log the head of the audit chain. Logs stored elsewhere then prove that the chain was not rebuilt."""
        head = await self._runtime.dependencies.of(PostgresAuditTrail).head()
        if head.position:
            anchor = f"{head.position}:{head.chain}"
            _log.info("the audit chain reached %s", anchor, extra={"anchor": anchor})
        return False

    async def _reap(self) -> bool:
        return (await reap(self._upkeep.retention)).more

    async def _key_failures(self) -> bool:
        deps = self._runtime.dependencies
        return await key_failures(deps.of(MonitoringDeps), deps.of(DeadLetterDeps))

    async def _announce_due(self) -> bool:
        await announce_due(self._runtime.dependencies.of(AnnounceDeps))
        return False

    async def _renew_tokens(self) -> bool:
        await self._runtime.dependencies.of(VendorDeps).vendors.renew_due_tokens()
        return False

    async def _start_pulls(self) -> bool:
        await start_due_reconciles(self._runtime.dependencies.of(ReconcileDeps))
        return await start_due_pulls(self._runtime.dependencies.of(PullDeps))

    async def _announce_freshness(self) -> bool:
        await announce_freshness(self._runtime.dependencies.of(FreshnessDeps))
        return False

    async def _end_approvals(self) -> bool:
        return await end_expired(self._writes)

    async def _take_exports(self) -> bool:
        return await take_from_folders(self._runtime.dependencies.of(UploadDeps), self._upkeep.folders)

    async def _signal_alive(self) -> bool:
        """Send a heartbeat to the dead man's switch, unless a loop hangs or the watch failed."""
        hanging = self._loops.hanging()
        if hanging or not self._jobs_run():
            _log.error("no heartbeat was sent: a loop hangs", extra={"loops": hanging or ["jobs"]})
        elif self._upkeep.watch.well:
            await self._upkeep.alerter.heartbeat()
        return False
