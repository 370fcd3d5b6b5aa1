"""`lockstitch worker --processes N`: one parent, and workers that live and end with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.commands import ROOT
from tests.contract.processes import NO_TLS
from tests.encryption import ENCRYPTION_KEYS
from tests.ports import two_free_ports

PATIENCE = 60.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")


class Workers:
    """A running command, and what can be seen of its processes."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process = process
        self.port = port

    def children(self) -> list[int]:
        """The ids of the worker processes."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(one) for one in listed.read_text().split()]

    def answering(self) -> list[int]:
        """Which of its two ports answer."""
        return [port for port in (self.port, self.port + 1) if _answers(port)]

    def output(self) -> str:
        """What they have logged since the last call."""
        assert self.process.stderr is not None
        os.set_blocking(self.process.stderr.fileno(), False)
        try:
            return os.read(self.process.stderr.fileno(), 1_000_000).decode()
        except BlockingIOError:
            return ""

    def await_both(self) -> None:
        """Wait until both workers are ready."""
        until(lambda: len(self.answering()) == 2)


def until(condition: Callable[[], object]) -> None:
    """Wait until it is true."""
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=1.0, verify=NO_TLS).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def two_workers(database_url: str, port: int, python: str = sys.executable) -> Iterator[Workers]:
    """`lockstitch worker --processes 2`; whatever is left of it is killed at the end."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
    settings = {
        "LOCKSTITCH_DATABASE_URL": database_url,
        "LOCKSTITCH_ENCRYPTION_KEYS": ENCRYPTION_KEYS,
        "LOCKSTITCH_WORKER_PORT": str(port),
    }
    with subprocess.Popen(
        [python, "-m", "app.cli", "worker", "--processes", "2"],
        env=own | settings,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Workers(process, port)
        finally:
            process.kill()


@pytest.fixture
def workers(database_url: str) -> Iterator[Workers]:
    with two_workers(database_url, two_free_ports()) as running:
        running.await_both()
        yield running


def test_a_worker_that_ends_is_restarted_and_a_stop_signal_to_the_parent_stops_all(workers: Workers) -> None:
    assert_restarts(workers, signal.SIGKILL)
    assert_restarts(workers, signal.SIGTERM)
    assert_stops(workers, signal.SIGTERM)


def assert_restarts(workers: Workers, ends_by: signal.Signals) -> None:
    """A worker that a signal ends has a successor, and the other one stays."""
    one, other = workers.children()
    os.kill(one, ends_by)
    until(lambda: one not in workers.children() and len(workers.children()) == 2)
    workers.await_both()
    assert other in workers.children()
    until(lambda: "restarting it" in workers.output())


def assert_stops(workers: Workers, stop: signal.Signals) -> None:
    """A signal to the parent stops it and both workers."""
    children = workers.children()
    workers.process.send_signal(stop)
    workers.process.communicate(timeout=PATIENCE)
    assert workers.process.returncode == 0
    assert len(children) == 2
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_a_worker_that_cannot_be_restarted_is_tried_again(database_url: str, tmp_path: Path) -> None:
    """An upgrade may replace the interpreter, or the host be out of memory, at that moment."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    for name in ("pyvenv.cfg", "lib"):
        (tmp_path / name).symlink_to(Path(sys.prefix) / name)
    with two_workers(database_url, two_free_ports(), str(python)) as workers:
        workers.await_both()
        python.unlink()
        one, _ = workers.children()
        os.kill(one, signal.SIGKILL)
        until(lambda: "could not be started" in workers.output())
        python.symlink_to(sys.executable)
        workers.await_both()
        assert_stops(workers, signal.SIGINT)


def test_workers_end_with_a_parent_that_is_killed(workers: Workers) -> None:
    children = workers.children()
    workers.process.kill()
    until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert workers.answering() == []


def test_one_worker_that_cannot_start_ends_all(database_url: str) -> None:
    port = two_free_ports()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port + 1))
        taken.listen()
        with two_workers(database_url, port) as running:
            _, output = running.process.communicate(timeout=PATIENCE)
    assert running.process.returncode == 1
    assert f"Port {port + 1} cannot be used" in output
    assert "Traceback" not in output
