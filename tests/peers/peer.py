"""A real system as a process: started where `tests/peers/run` has installed it, and stopped with what it started."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.ports import free_port

HERE: Final = Path(__file__).parent
PATIENCE: Final = 90.0


@contextmanager
def running_peer(name: str, folder: Path, *more: str) -> Iterator[str]:
    """Yield the URL of a peer once it answers at all. `folder` takes its log; its `start` also gets `more`. Skip the
    test if the peer is not requested, or cannot be installed on this machine."""
    cache = os.environ.get("LOCKSTITCH_PEERS_CACHE")
    for line in os.environ.get("LOCKSTITCH_PEERS_MISSING", "").splitlines():
        if line.startswith(f"{name}: "):
            pytest.skip(line)
    if cache is None or name not in os.environ.get("LOCKSTITCH_PEERS", "").split():
        pytest.skip(f"the real {name} is tested by `make test-peers`")
    port = free_port()
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [HERE / name / "start", str(Path(cache) / name), str(port), *more],
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_answer(name, process, url, log)
        yield url
    finally:
        _stop(process)


def _await_answer(name: str, process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise AssertionError(f"{name} ended with {process.returncode}:\n{log.read_text()[-3000:]}")
        try:
            httpx.get(url, timeout=PATIENCE)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{name} did not answer within {PATIENCE} s:\n{log.read_text()[-3000:]}")


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """The whole group: a start script may leave others behind it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
