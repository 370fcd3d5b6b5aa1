"""`lockstitch dev` started for one test run: own ports, own data folder, ended with it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

READY_WITHIN_S = 60
STOPPED_WITHIN_S = 30
CALL_TIMEOUT_S = 30


class Dev:
    """A running Lockstitch with its emulators: where it is, the key to it, and what the vendors hold."""

    def __init__(self, api: str, emulators: str, key: str, ops_key: str, data: Path) -> None:
        """`api` and `emulators` are base URLs without a slash at the end; `key` opens all but the operators' calls,
        `ops_key` those too. `data` is its data folder."""
        self.api = api
        self.emulators = emulators
        self.key = key
        self.ops_key = ops_key
        self._data = data

    def make_key(self, *scopes: str) -> str:
        """Create a key with these scopes, as an operator does on the command line."""
        options = [option for scope in scopes for option in ("--scope", scope)]
        done = subprocess.run(
            [Path(sys.executable).with_name("lockstitch"), "key", "create", f"key-{uuid.uuid4()}", *options],
            env=_environment(self._data), capture_output=True, text=True, timeout=CALL_TIMEOUT_S, check=True,
        )  # fmt: skip
        (secret,) = re.findall(r"\blsk_[A-Za-z0-9_-]+", done.stdout)
        return str(secret)

    def records(self, vendor: str, object: str) -> list[dict[str, Any]]:
        """What an emulator holds, in the vendor's own shape, in the order of insertion."""
        query = urllib.parse.urlencode({"vendor": vendor, "object": object})
        return _call(f"{self.emulators}/_emulator/records?{query}")["records"]

    def create(self, path: str, body: dict[str, Any], **query: str) -> dict[str, Any]:
        """Write through the API under a key of its own; the resource that it answers with."""
        return self._ask(path, query, body)

    def change(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change a resource through the API under a key of its own; the resource that it answers with."""
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": str(uuid.uuid4())}
        return _call(f"{self.api}{path}", body, headers, method="PATCH")

    def place(self, vendor: str, object: str, record: dict[str, Any]) -> dict[str, Any]:
        """Put a record into an emulator, as somebody at the vendor's own screen would; the record as it is there."""
        body = {"vendor": vendor, "object": object, "record": record}
        return _call(f"{self.emulators}/_emulator/records", body)

    def calls(self, vendor: str) -> list[dict[str, Any]]:
        """The calls that an emulator got, oldest first."""
        return _call(f"{self.emulators}/_emulator/calls?vendor={vendor}")

    @contextmanager
    def failing(self, vendor: str, fault: dict[str, Any], **match: str) -> Iterator[None]:
        """For as long as the block, the vendor has this fault, in all calls or webhooks or in those that match."""
        _call(f"{self.emulators}/_emulator/faults", {"vendor": vendor, "fault": fault, "match": match})
        try:
            yield
        finally:
            self.heal(vendor)

    def heal(self, vendor: str) -> None:
        """End all faults of a vendor."""
        _call(f"{self.emulators}/_emulator/faults?vendor={vendor}", method="DELETE")

    def find(self, path: str, **query: str) -> list[dict[str, Any]]:
        """The `data` of a list answer of the API."""
        return self._ask(path, query)["data"]

    def operate(self, path: str, body: dict[str, Any] | None = None, **query: str) -> Any:
        """An operator's call: GET, or POST with a body; the answer's document."""
        return self._ask(path, query, body, key=self.ops_key)

    def _ask(self, path: str, query: dict[str, str], body: dict[str, Any] | None = None, key: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {key or self.key}", "Idempotency-Key": str(uuid.uuid4())}
        return _call(f"{self.api}{path}?{urllib.parse.urlencode(query)}", body, headers)


@contextmanager
def running_dev(**environment: str) -> Iterator[Dev]:
    """Start `lockstitch dev` with this added to its environment, wait until it says that it is ready, and end it as
    Ctrl-C would.

    Raises `TimeoutError` when it is not ready in time and `RuntimeError` when it ends on its own; both carry the
    end of what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="lockstitch-dev-") as folder:
        data, log = Path(folder) / "data", Path(folder) / "dev.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("lockstitch"), "dev"],
                env=_environment(data) | environment,
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            ready = _wait_until_ready(process, data / "dev.json", log)
            yield Dev(
                api=ready["api"], emulators=ready["emulators"], key=ready["key"], ops_key=ready["ops_key"], data=data
            )
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOPPED_WITHIN_S)
            finally:
                process.kill()  # it outlived its time, and its children end with it


def free_port() -> int:
    """A TCP port on the loopback address that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _environment(data: Path) -> dict[str, str]:
    """This shell's environment without its own Lockstitch settings, which could point at somebody's real data."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    return clean | {
        "LOCKSTITCH_PORT": str(free_port()),
        "LOCKSTITCH_EMULATORS_PORT": str(free_port()),
        "LOCKSTITCH_WORKER_PORT": str(free_port()),
        "LOCKSTITCH_DATA_DIR": str(data),
    }


def _wait_until_ready(process: subprocess.Popen[bytes], ready: Path, log: Path) -> dict[str, str]:
    """The content of dev.json, which appears when everything listens."""
    give_up = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise RuntimeError(f"lockstitch dev ended with {process.returncode}:\n{_end_of(log)}")
        if ready.exists():
            return json.loads(ready.read_bytes())
        time.sleep(0.1)
    raise TimeoutError(f"lockstitch dev was not ready within {READY_WITHIN_S} s:\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-3000:]


def _call(
    url: str, body: dict[str, Any] | None = None, headers: dict[str, str] | None = None, *, method: str | None = None
) -> Any:
    """GET the URL, or POST the body to it. Raises `RuntimeError` with the answer's own words for any refusal."""
    chosen = method or ("GET" if body is None else "POST")
    answer = httpx.request(chosen, url, json=body, headers=headers, timeout=CALL_TIMEOUT_S)
    if answer.is_error:
        raise RuntimeError(f"{answer.request.method} {url}: {answer.status_code} {answer.text}")
    return answer.json() if answer.content else None
