"""Start, await, stop and kill one part of Lockstitch as a process, and read its log."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

import httpx

from tests.contract.waiting import TIMEOUT

ROOT: Final = Path(__file__).resolve().parents[2]


class Process:
    """A command that serves HTTP at `url`; `health` is the path that answers 200 once it does."""

    def __init__(self, command: list[str], *, environment: dict[str, str], log: Path, url: str, health: str) -> None:
        self.url = url
        self._command = command
        self._environment = environment
        self._log = log
        self._health = health
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """Its environment, for a command that runs at the same time."""
        return dict(self._environment)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as output:
            self._running = subprocess.Popen(
                self._command, env=self._environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
            )
        give_up = time.monotonic() + TIMEOUT
        while time.monotonic() < give_up:
            if self._running.poll() is not None:
                raise AssertionError(f"{self._command[1:]} ended with {self._running.returncode}:\n{self.log[-3000:]}")
            try:
                if httpx.get(self.url + self._health, timeout=TIMEOUT).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError(f"{self._command[1:]} did not answer within {TIMEOUT} s:\n{self.log[-3000:]}")

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


def free_port() -> int:
    """A TCP port on the loopback address that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
