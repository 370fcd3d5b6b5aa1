"""The running systems of a check: the emulators in a separate process, because `app` must not import them, or a real
system."""

import os
import socket
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

import httpx

from app.dev.folder import EMULATOR_CREDENTIALS
from app.errors import Complaint
from mappings.http import VendorRefusal, VendorReply, VendorRequest
from mappings.registry import AnyVendor

LOCALHOST: Final = "127.0.0.1"
READY_WITHIN: Final = 30.0  # seconds; a loaded machine starts slowly
POLL_EVERY: Final = 0.05  # seconds
TIMEOUT: Final = 20.0  # seconds; the emulator answers within milliseconds
PEER_VARIABLE: Final = "LOCKSTITCH_PEER_{name}"
LAST_LINES: Final = 6
"""Lines of a traceback that are shown: the place and the reason."""
MOST_OUTPUT: Final = 800


class RunningSystem:
    """A client of a running system of one vendor, which sends requests like a connection."""

    is_there = True

    def __init__(self, vendor: AnyVendor, client: httpx.Client, secrets: Mapping[str, str], path: str = "") -> None:
        """`path` is that of the system below the client's base URL."""
        self._vendor = vendor
        self._client = client
        self._path = path
        self._authorisation = _authorisation(vendor, secrets)

    def send(self, request: VendorRequest, *, authorised: bool = True) -> VendorReply:
        """Send a request like a connection does. `authorised` False uses an invalid token."""
        wrong = _authorisation(self._vendor, dict.fromkeys(self._vendor.auth.secrets, "wrong"))
        headers = [*self._vendor.headers, *request.headers, self._authorisation if authorised else wrong]
        if request.body is not None:
            headers.append(("Content-Type", request.content_type))
        url = f"{self._path}{request.path}"
        answer = self._client.request(
            request.method, url, params=list(request.query), content=request.body, headers=headers
        )
        names = {name.lower(): value for name, value in answer.headers.items()}
        return VendorReply(status=answer.status_code, headers=names, body=answer.content)

    def refusal(self, request: VendorRequest) -> VendorRefusal | None:
        """Send a request and return how the mapping classifies a refusal, or None for a success."""
        return self._vendor.refusal(self.send(request))

    def reset(self) -> None:
        """Delete all records, where that is possible."""

    def place(self, object_name: str, record: Any) -> bool:
        """Store a record unchanged. Return False where that is not possible."""
        return False


class RunningEmulator(RunningSystem):
    """A client of one vendor's emulator, over HTTP like a connection."""

    def __init__(self, vendor: AnyVendor, client: httpx.Client, vendors: tuple[str, ...]) -> None:
        """`client` calls the emulator process; `vendors` are those that it emulates."""
        super().__init__(vendor, client, _secrets_of(vendor), f"/{vendor.name}")
        self.is_there = vendor.name in vendors

    def reset(self) -> None:
        """Delete all records, and turn off the delay of searches."""
        self._control("/reset", {"vendor": self._vendor.name})
        self._control("/limits", {"vendor": self._vendor.name, "search_lag": 0.0})

    def place(self, object_name: str, record: Any) -> bool:
        """Store a record unchanged. Return whether the emulator has such objects."""
        body = {"vendor": self._vendor.name, "object": object_name, "record": record}
        return self._client.post("/_emulator/records", json=body).status_code == httpx.codes.CREATED

    def _control(self, path: str, body: Mapping[str, Any]) -> None:
        self._client.post(f"/_emulator{path}", json=body).raise_for_status()


@contextmanager
def running_peer(vendor: AnyVendor, url: str) -> Iterator[RunningSystem]:
    """Open the real system at a URL. Its secrets are in `LOCKSTITCH_PEER_<SECRET>`, such as LOCKSTITCH_PEER_TOKEN.

    Raises Complaint if one is missing, or if the system does not answer.
    """
    names = {name: PEER_VARIABLE.format(name=name.upper()) for name in vendor.auth.secrets}
    if missing := [variable for variable in names.values() if variable not in os.environ]:
        raise Complaint(f"--peer needs {' and '.join(missing)}.")
    with httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False) as client:
        try:
            yield RunningSystem(vendor, client, {name: os.environ[variable] for name, variable in names.items()})
        except httpx.TransportError as error:
            raise Complaint(f"{url} does not answer: {error}.") from error


@contextmanager
def running(vendor: AnyVendor, root: Path) -> Iterator[RunningEmulator]:
    """Run the emulators of the checkout at `root` for the duration of the block. Raises Complaint if they do not start.

    If a call made an emulator raise an exception, prints it to standard error.
    """
    port = _free_port()
    command = [sys.executable, "-m", "emulators", "--port", str(port), "--die-with-parent"]
    with TemporaryFile() as log:
        # `-m` searches the working folder first, so it runs the emulators of the checkout.
        process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL, stderr=log)  # noqa: S603
        try:
            with httpx.Client(base_url=f"http://{LOCALHOST}:{port}", timeout=TIMEOUT, trust_env=False) as client:
                emulator = RunningEmulator(vendor, client, _wait(client, process, log))
                if emulator.is_there:
                    emulator.reset()
                yield emulator
        finally:
            process.terminate()
            process.wait()
        if raised := _last_exception(_output(log)):
            sys.stderr.write(f"The emulator failed on a call:\n{raised}\n")


def _wait(client: httpx.Client, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> tuple[str, ...]:
    """Wait until the process answers, and return the vendors that it emulates."""
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            output = _output(log)
            raise Complaint(f"The emulators do not start:\n{_last_exception(output) or output[-MOST_OUTPUT:]}")
        try:
            return tuple(client.get("/_emulator/health").json()["vendors"])
        except httpx.TransportError:
            time.sleep(POLL_EVERY)
    raise Complaint(f"The emulators were not ready within {READY_WITHIN:.0f} s.")


def _output(log: IO[bytes]) -> str:
    log.seek(0)
    return log.read().decode(errors="replace").strip()


def _last_exception(output: str) -> str:
    """Return the place and the reason of the last traceback in the output. Empty if there is none."""
    _, _, traceback = output.rpartition("Traceback (most recent call last):\n")
    if traceback == output:
        return ""
    lines = traceback.splitlines()
    reason = next((place for place, line in enumerate(lines) if not line.startswith(" ")), len(lines) - 1)
    return "\n".join(lines[: reason + 1][-LAST_LINES:])


def run_module(root: Path, *command: str, seconds: float, columns: int = 80) -> "subprocess.CompletedProcess[str]":
    """Run `python -m` with this command in a checkout, as if on a terminal so wide. Raises TimeoutExpired."""
    return subprocess.run(  # noqa: S603 - this interpreter, a module and files of the project
        [sys.executable, "-m", *command],
        cwd=root,
        env={**os.environ, "COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        return int(probe.getsockname()[1])


def _secrets_of(vendor: AnyVendor) -> dict[str, str]:
    """Return the secrets that the emulator accepts: those of `lockstitch dev`, otherwise `<vendor>-dev-token`."""
    prefix = f"LOCKSTITCH_DEV_{vendor.name.upper()}_"
    known = {name: EMULATOR_CREDENTIALS.get(f"{prefix}{name.upper()}") for name in vendor.auth.secrets}
    return {name: secret or f"{vendor.name}-dev-token" for name, secret in known.items()}


def _authorisation(vendor: AnyVendor, secrets: Mapping[str, str]) -> tuple[str, str]:
    value = vendor.auth.template.format_map(secrets)
    return vendor.auth.header, f"Basic {b64encode(value.encode()).decode()}" if vendor.auth.basic else value


def is_checkout(root: Path) -> bool:
    """Return whether `root` is a checkout of the project, with the folders mappings, emulators and tests."""
    return all((root / part).is_dir() for part in ("mappings", "emulators", "tests")) and os.access(root, os.R_OK)
