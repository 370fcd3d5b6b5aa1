"""A child process that is started again when it dies, until it is told to stop."""

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

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds before a dead child is started again
STEADY_AFTER = 30.0  # seconds of life after which a death counts as the first one again
DEATHS_BEFORE_READY = 3
LAST_WORDS = 8  # lines of the log that are shown when a child dies


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What to run. `can_start` is asked until it says yes before every start; standard output goes to `log`."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    process: TiedProcess = field(default_factory=lambda: tied_to_parent(signal.SIGKILL))
    can_start: Callable[[], bool] = lambda: True


class Child:
    """One running child. `tell` gets a line for people whenever it dies."""

    def __init__(self, spec: ChildSpec, tell: Callable[[str], None]) -> None:
        self.spec = spec
        self._tell = tell
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._deaths = 0
        self._log_size = 0

    @property
    def pid(self) -> int | None:
        """The process id, while there is a process."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        """Start it and go on starting it. Call it in the main thread: the child is tied to the thread that forks."""
        self._keeper = asyncio.create_task(self._keep_running(), name=f"keep {self.spec.name} running")

    async def wait_until(self, ready: Callable[["Child"], Awaitable[bool]], seconds: float) -> None:
        """Wait until `ready` says so. Raises Complaint when the child keeps dying, or the time is over."""
        deadline = time.monotonic() + seconds
        while not (self.pid and await ready(self)):
            if self._deaths >= DEATHS_BEFORE_READY:
                raise Complaint(f"{self.spec.name} does not start; its log is {self.spec.log}.")
            if time.monotonic() > deadline:
                raise Complaint(f"{self.spec.name} was not ready within {seconds:g} s; its log is {self.spec.log}.")
            await asyncio.sleep(0.02)

    async def stop(self, seconds: float) -> None:
        """Ask it to end, wait, and kill it when the time is over."""
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
            self._tell(f"{self.spec.name} did not end within {seconds:g} s and is killed.")
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)  # it leads a process group of its own

    async def _keep_running(self) -> None:
        pause = FIRST_PAUSE
        while True:
            while not self.spec.can_start():  # noqa: ASYNC110 - nothing tells us, so we look
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
            self._tell(f"{self.spec.name} {ended}; it is started again in {pause:g} s.{self._last_words()}")
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
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
