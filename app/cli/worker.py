"""`lockstitch worker`."""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from app.child_process import tied_to_parent
from app.cli.database import needing_database
from app.settings.environment import Settings, load_settings
from app.telemetry.logs import set_up_logs

MOST_PROCESSES = 64


PROCESSES = Parameter(
    help=f"The number of worker processes, up to {MOST_PROCESSES}. Each serves /health and /metrics: the first on"
    " LOCKSTITCH_WORKER_PORT, the others on the ports after it.",
    validator=Number(gte=1, lte=MOST_PROCESSES),
)
RESTART_SECONDS: Final = 1.0
# More than a worker takes to finish running jobs and requests.
STOP_SECONDS: Final = 35.0
_log = logging.getLogger("lockstitch.worker")


def worker(*, processes: Annotated[int, PROCESSES] = 1) -> None:
    """Run a worker until SIGTERM, then finish running jobs and exit."""
    settings = load_settings(os.environ)
    if processes > 1:
        run_processes(settings, processes, os.environ)
        return
    from app.worker import run  # noqa: PLC0415 - most of a second, which the parent of several workers does not need

    with needing_database():
        run(settings)


def run_processes(settings: Settings, number: int, environment: Mapping[str, str]) -> None:
    """Run so many worker processes until SIGTERM or SIGINT. Raises SystemExit with the code of one that failed."""
    set_up_logs(settings.log_level)
    code = asyncio.run(_Parent(settings.worker_port, number, environment).run())
    if code:
        raise SystemExit(code)


class _Parent:
    """The parent of several worker processes, which works on nothing itself.

    A process that is killed, stops after a SIGTERM of its own, or cannot be started, is restarted. One that exits with
    an error has said why: then the parent stops the others and exits with the same code, as a single worker would.
    SIGTERM or SIGINT to the parent stops all of them, a second one kills them. If the parent is killed with -9, the
    kernel ends them (`app.child_process`).
    """

    def __init__(self, first_port: int, number: int, environment: Mapping[str, str]) -> None:
        self._ports = range(first_port, first_port + number)
        self._environment = environment
        self._running: set[Process] = set()
        self._stop = asyncio.Event()
        self._code = 0

    async def run(self) -> int:
        """Return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal)
        keepers = [asyncio.create_task(self._keep_running(port)) for port in self._ports]
        await self._stop.wait()
        self._send(signal.SIGTERM)
        _, late = await asyncio.wait(keepers, timeout=STOP_SECONDS)
        if late:
            _log.warning("%d worker processes did not end within %d s; killing them", len(late), STOP_SECONDS)
            self._send(signal.SIGKILL)
            await asyncio.wait(late)
        return self._code

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._send(signal.SIGKILL)
        self._stop.set()

    def _send(self, number: signal.Signals) -> None:
        for process in self._running:
            with suppress(ProcessLookupError):
                process.send_signal(number)

    async def _keep_running(self, port: int) -> None:
        while not self._stop.is_set():
            code, ended = await self._run_one(port)
            if code > 0:
                self._code = self._code or code
                self._stop.set()
            elif not self._stop.is_set():
                _log.warning("the worker process on port %d %s; restarting it", port, ended)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), RESTART_SECONDS)

    async def _run_one(self, port: int) -> tuple[int, str]:
        """Return the exit code of a process, and how it ended. 0 also if it cannot be started."""
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "app.cli", "worker"),
                env={**self._environment, "LOCKSTITCH_WORKER_PORT": str(port)},
                stdin=DEVNULL,
                **tied_to_parent(signal.SIGKILL),
            )
        except OSError as error:  # such as no memory, or an upgrade that is replacing the files
            return 0, f"could not be started ({error})"
        self._running.add(process)
        try:
            if self._stop.is_set():  # it was asked to stop while this one started
                process.send_signal(signal.SIGTERM)
            code = await process.wait()
        finally:
            self._running.discard(process)
        return code, f"was killed by {signal.Signals(-code).name}" if code < 0 else "stopped"
