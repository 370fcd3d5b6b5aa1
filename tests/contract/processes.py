"""Start, await, stop and kill one part of Lockstitch as a process, and read its log."""

import os
import signal
import ssl
import time
from pathlib import Path
from typing import Final

import httpx

from tests.contract.waiting import TIMEOUT
from tests.forked import Forked

ROOT: Final = Path(__file__).resolve().parents[2]
NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Lockstitch speaks plain HTTP: a client that shares this reads no certificates, which takes 10 ms each time."""


class Process:
    """A module of the product that serves HTTP at `url`; `health` is the path that answers 200 once it does."""

    def __init__(self, command: list[str], *, environment: dict[str, str], log: Path, url: str, health: str) -> None:
        self.url = url
        self._command = command
        self._environment = environment
        self._log = log
        self._health = health
        self._running: Forked | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Its environment, for a command that runs at the same time."""
        return dict(self._environment)

    @property
    def pid(self) -> int:
        """Its id, while it runs."""
        assert self._running is not None
        return self._running.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        module, *arguments = self._command
        self._running = Forked(
            module,
            arguments,
            environment=self._environment,
            folder=ROOT,
            streams=(Path(os.devnull), self._log, self._log),
        )
        give_up, last_answer = time.monotonic() + TIMEOUT, ""
        with httpx.Client(timeout=TIMEOUT, verify=NO_TLS) as http:
            while time.monotonic() < give_up:
                if self._running.poll() is not None:
                    raise AssertionError(f"{self._command} ended with {self._running.returncode}:\n{self.log[-3000:]}")
                try:
                    answer = http.get(self.url + self._health)
                except httpx.TransportError as error:
                    last_answer = repr(error)
                else:
                    if answer.status_code == 200:
                        return
                    last_answer = answer.text
                time.sleep(0.02)
        raise AssertionError(f"{self._command} is not ready after {TIMEOUT} s: {last_answer}\n{self.log[-3000:]}")

    def stop(self) -> int:
        """Send SIGTERM, and return the exit code; 0 if it does not run."""
        if self._running is None or self._running.poll() is not None:
            return 0
        self._running.terminate()
        return self._running.wait(TIMEOUT)

    def kill(self) -> None:
        """Send SIGKILL."""
        assert self._running is not None
        os.kill(self._running.pid, signal.SIGKILL)
        self._running.wait(TIMEOUT)

    @property
    def log(self) -> str:
        """The log so far."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
