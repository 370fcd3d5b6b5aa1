"""A child process that is restarted when it ends, until it is stopped."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from app.child_process import TiedProcess, tied_to_parent
from app.errors import Complaint

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before an ended child is restarted
STEADY_AFTER = 30.0  # seconds of running after which the pause starts at FIRST_PAUSE again
DEATHS_BEFORE_READY = 3
LAST_WORDS = 8  # lines of the log that are shown when a child ends


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What to run. Every start waits until `can_start` returns True. Output is appended to `log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    process: TiedProcess = field(default_factory=lambda: tied_to_parent(signal.SIGKILL))
    can_start: Callable[[], bool] = lambda: True


class Child:
    """One running child. `report` receives a message for the console whenever it ends."""

    def __init__(self, spec: ChildSpec, report: Callable[[str], None]) -> None:
        self.spec = spec
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._deaths = 0
        self._log_size = 0

    @property
    def pid(self) -> int | None:
        """The process id, or None while no process runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        """Start the child and keep it running. Call this in the main thread: a child ends with the forking thread."""
        self._keeper = asyncio.create_task(self._keep_running(), name=f"keep {self.spec.name} running")

    async def wait_until(self, ready: Callable[["Child"], Awaitable[bool]], seconds: float) -> None:
        """Wait until `ready` returns True. Raises Complaint if the child keeps ending, or after `seconds`."""
        deadline = time.monotonic() + seconds
        while not (self.pid and await ready(self)):
            if self._deaths >= DEATHS_BEFORE_READY:
                raise Complaint(f"{self.spec.name} does not start: see {self.spec.log}.")
            if time.monotonic() > deadline:
                raise Complaint(f"{self.spec.name} was not ready within {seconds:g} s: see {self.spec.log}.")
            await asyncio.sleep(0.02)

    async def stop(self, seconds: float) -> None:
        """Send the stop signal and wait. Kill the child after `seconds`."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self.pid is None or self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(self.spec.stop_signal)
        try:
            await asyncio.wait_for(self._process.wait(), seconds)
        except TimeoutError:
            self._report(f"{self.spec.name} did not end within {seconds:g} s; killing it.")
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """Kill the child and all processes that it started."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)  # the child leads its own process group

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE
        while True:
            while not self.spec.can_start():  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.02)
            started = time.monotonic()
            try:
                process = await self._spawn()
                ended = _how_it_ended(await process.wait())
            except OSError as error:
                ended = f"could not be started ({error.strerror})"
            self._deaths += 1
            if time.monotonic() - started > STEADY_AFTER:
                pause = FIRST_PAUSE
            self._report(f"{self.spec.name} {ended}; restarting in {pause:g} s.{self._last_words()}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self.spec.log.open("ab") as sink:
            self._log_size = sink.tell()
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.command,
                env=dict(self.spec.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                **self.spec.process,
            )
        return self._process

    def _last_words(self) -> str:
        with self.spec.log.open("rb") as source:
            source.seek(self._log_size)
            lines = source.read()[-4000:].decode(errors="replace").splitlines()[-LAST_WORDS:]
        return "".join(f"\n    {line}" for line in lines)


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
