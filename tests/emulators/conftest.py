"""The emulators as their users meet them: a process of its own behind a socket."""

import os
import signal
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.callers import expect
from tests.fixtures import opened
from tests.forked import Forked
from tests.ports import free_port
from tests.shared_material import SHARED

from .receiver import Receiver

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
SECRET = "open-sesame-0001"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""The emulators speak plain HTTP: a client that shares this reads no certificates, which takes 10 ms each time."""


class RunningEmulators:
    """The emulators' process, which can be killed and started again over the same state."""

    def __init__(self, state: Path | None, *options: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [sys.executable, "-m", "emulators", "--port", str(self.port), "--die-with-parent", *options]
        if state is not None:
            self.command += ["--state", str(state)]
        self._process: Forked | None = None
        self.http = self.client()

    def client(self, path: str = "", **options: Any) -> httpx.Client:
        """Return a new client of what is below this path."""
        return httpx.Client(base_url=f"{self.url}{path}", timeout=PATIENCE, verify=NO_TLS, **options)

    def start(self, *options: str, **environment: str) -> None:
        nothing = Path(os.devnull)
        self._process = Forked(
            "emulators",
            [*self.command[3:], *options],
            environment={**os.environ, **environment},
            folder=ROOT,
            streams=(nothing, nothing, Path("/dev/stderr")),
        )
        self.await_health()

    def await_health(self) -> None:
        """Wait until the process answers."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if self.http.get("/_emulator/health").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.02)
        raise AssertionError("The emulators did not start.")

    def kill(self) -> None:
        """kill -9, as the crash tests do."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        self.http.close()
        if self._process is not None and self._process.poll() is None:
            self.stop()

    def order(self, **fault: Any) -> dict[str, Any]:
        """Order a fault."""
        return expect(self.http.post("/_emulator/faults", json=fault), 201).json()

    def calls(self, vendor: str) -> list[dict[str, Any]]:
        """The calls the vendor got, newest last."""
        return self.http.get("/_emulator/calls", params={"vendor": vendor}).json()

    def records(self, vendor: str, object: str) -> list[dict[str, Any]]:
        """The vendor's records as they are stored."""
        answer = self.http.get("/_emulator/records", params={"vendor": vendor, "object": object})
        return answer.json()["records"]

    def place(self, vendor: str, object: str, record: dict[str, Any]) -> dict[str, Any]:
        """Place a record past the vendor's validation."""
        answer = self.http.post("/_emulator/records", json={"vendor": vendor, "object": object, "record": record})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def limit(self, vendor: str, **limits: float) -> None:
        """Set a vendor's `per_minute` or `search_lag`."""
        assert self.http.post("/_emulator/limits", json={"vendor": vendor, **limits}).status_code == 200

    def subscribe(self, vendor: str, url: str, secret: str = SECRET, **more: Any) -> dict[str, Any]:
        """Have a vendor's webhooks sent there, again after 10 ms when they are not taken."""
        order = {"vendor": vendor, "url": url, "secret": secret, "first_pause_ms": 10, **more}
        return expect(self.http.put("/_emulator/webhooks", json=order)).json()

    def sent(self, vendor: str) -> list[dict[str, Any]]:
        """A vendor's webhooks and what became of them, newest last."""
        return self.http.get("/_emulator/webhooks/sent", params={"vendor": vendor}).json()

    def reset(self) -> None:
        """Forget everything, where webhooks go too."""
        assert self.http.delete("/_emulator/webhooks").status_code == 200
        assert self.http.post("/_emulator/reset").status_code == 200


@pytest.fixture(scope="session")
def shared_emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulators]:
    """One process for the whole run; see `emulators`."""
    running = RunningEmulators(tmp_path_factory.mktemp("emulators"))
    running.start()
    yield running
    running.close()


@pytest.fixture
def emulators(shared_emulators: RunningEmulators) -> RunningEmulators:
    """Running emulators that remember nothing."""
    shared_emulators.reset()
    return shared_emulators


@pytest.fixture
def own_emulators(tmp_path: Path) -> Iterator[RunningEmulators]:
    """A process for one test alone, which the test may kill."""
    running = RunningEmulators(tmp_path)
    running.start()
    yield running
    running.close()


receiver = opened(lambda: closing(Receiver()))
"""Somebody who takes webhooks."""


@pytest.fixture(scope="session")
def shared_folder() -> Path:
    """The folder with the vendors' samples and specs, which lies outside of the project; skips when it is absent."""
    if not SHARED.is_dir():
        pytest.skip("The vendors' samples and specs are not here.")
    return SHARED
