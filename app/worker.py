"""The worker: runs jobs, goes on with operations that nobody holds, shows that it is alive, sweeps what is too old."""

import asyncio
import logging
import os
import random
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import uvloop

from app import telemetry
from app.errors import StoreUnavailable
from app.flows.redrive import carry_on
from app.flows.resolve_outcome import resolve
from app.operation_ports import Begun
from app.routes.health import live, metrics, ready
from app.server import serve_application
from app.settings import Settings
from app.wiring import Plant, open_plant

AT_ONCE: Final = 16
POLL_SECONDS: Final = 0.25
SEAL_SECONDS: Final = 0.4
ANCHOR_SECONDS: Final = 300.0
HEARTBEAT_SECONDS: Final = 5.0
SWEEP_SECONDS: Final = 60.0
SWEEP_ROWS: Final = 500
DRAIN_SECONDS: Final = 15.0
_log = logging.getLogger("lockstitch.worker")


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, which lets what has begun finish."""
    telemetry.set_up(settings, "worker")
    try:
        uvloop.run(_run(settings))
    finally:
        telemetry.shut_down()


async def _run(settings: Settings) -> None:
    async with open_plant(settings, works=True) as plant:
        assert plant.runner is not None  # noqa: S101 - this process works
        jobs = asyncio.create_task(plant.runner.run())
        work = asyncio.create_task(Worker(plant).run())
        try:
            await serve_application(plant.services, [live, ready, metrics], settings.host, settings.worker_port)
        finally:
            plant.runner.stop()
            work.cancel()
            await asyncio.wait({work, jobs}, timeout=DRAIN_SECONDS)


class Worker:
    """A few loops over one database. Any number of workers may run; rows are claimed, not assigned."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled; then the operations that were begun are finished."""
        try:
            async with asyncio.TaskGroup() as loops:
                loops.create_task(self._every(POLL_SECONDS, self._claim))
                loops.create_task(self._every(POLL_SECONDS, self._redrive))
                loops.create_task(self._every(SEAL_SECONDS, self._plant.seal))
                loops.create_task(self._every(ANCHOR_SECONDS, self._anchor))
                loops.create_task(self._every(HEARTBEAT_SECONDS, self._beat))
                loops.create_task(self._every(SWEEP_SECONDS, self._sweep))
        finally:
            if self._running:
                await asyncio.wait(self._running, timeout=DRAIN_SECONDS)

    async def _every(self, seconds: float, step: Callable[[], Awaitable[bool]]) -> None:
        """Run a step again and again; at once when it says that there is more, else after a jittered pause."""
        while True:
            try:
                more = await step()
            except StoreUnavailable:
                _log.warning("the database is not available; trying again")
                more = False
            except Exception:  # noqa: BLE001 - one step that fails must not end the worker in silence
                _log.exception("a step of the worker failed; trying again")
                more = False
            if not more:
                await asyncio.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311 - spreads load, guards nothing

    async def _claim(self) -> bool:
        free = AT_ONCE - len(self._running)
        if free <= 0:
            await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            return True
        due = await self._plant.services.seam.operations.claim_due(free)
        for begun in due:
            task = asyncio.create_task(self._resolve(begun))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return len(due) == free

    async def _resolve(self, begun: Begun) -> None:
        try:
            await resolve(self._plant.services.seam, begun)
        except Exception:  # noqa: BLE001 - the last line of defence of a loop that must go on
            # The lease runs out and it is looked at again; the log says why it did not go on now.
            _log.exception("an operation could not be gone on with", extra={"operation_id": begun.operation.id})

    async def _redrive(self) -> bool:
        return await carry_on(self._plant.services.operators)

    async def _anchor(self) -> bool:
        """Whoever keeps the logs elsewhere can prove by these lines that the chain was not written anew."""
        head = await self._plant.services.operators.audit.head()
        if head.position:
            _log.info("the audit chain has come to %s:%s", head.position, head.chain)
        return False

    async def _beat(self) -> bool:
        await self._plant.beat(self._name)
        return False

    async def _sweep(self) -> bool:
        return await self._plant.services.seam.operations.delete_expired(SWEEP_ROWS) == SWEEP_ROWS
