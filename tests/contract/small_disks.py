"""A PostgreSQL server on a small disk of its own, which a test fills. A supervisor starts it again, as systemd does."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from app.postgres.embedded import EmbeddedPostgres
from tests.contract.waiting import TIMEOUT, until

MEGABYTES: Final = 160
"""A new cluster and the schema need 50, a second one of the log 16 more."""
SETTINGS: Final = {"min_wal_size": "32MB", "max_wal_size": "32MB"}
RESTART_SECONDS: Final = 0.2
BLOCKS: Final = (1 << 20, 4096)


class SmallDisk:
    """The disk, with the server that has all its data there. `log` is elsewhere."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder = folder
        self._log = log
        self._server = EmbeddedPostgres(folder / "pg", SETTINGS)
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        """How often the server was started."""

    @property
    def url(self) -> str:
        """The URL of its database."""
        return self._server.url

    @property
    def log(self) -> str:
        """The log of the server so far."""
        return self._log.read_text(encoding="utf-8")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the server during the block."""
        self._server.prepare()
        supervisor = threading.Thread(target=self._supervise, name="supervisor")
        supervisor.start()
        try:
            until(lambda: self._process is not None and self._server.is_ready(self._process.pid))
            yield
        finally:
            self._stopping.set()
            supervisor.join(TIMEOUT)

    def _supervise(self) -> None:
        """The kernel ties a server to the thread that starts it, so that thread also awaits its end."""
        while not self._stopping.is_set():
            with self._log.open("ab") as sink:
                process = self._process = subprocess.Popen(
                    self._server.command,
                    env=self._server.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    **self._server.process,
                )
            self.starts += 1
            while process.poll() is None and not self._stopping.wait(0.05):
                pass
            self._stopping.wait(RESTART_SECONDS)
        process.terminate()
        try:
            process.wait(TIMEOUT / 2)
        finally:
            process.kill()

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill the disk to its last block, also what the server frees meanwhile. Free it at the end of the block."""
        filling, full, enough = self._folder / "filling", threading.Event(), threading.Event()
        filler = threading.Thread(target=_fill, args=(filling, full, enough), name="filler")
        filler.start()
        try:
            assert full.wait(TIMEOUT)
            yield
        finally:
            enough.set()
            filler.join(TIMEOUT)
            filling.unlink()


def _fill(filling: Path, full: threading.Event, enough: threading.Event) -> None:
    with filling.open("wb", buffering=0) as file:
        while not enough.wait(0.01):
            for size in BLOCKS:
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
            full.set()


@contextmanager
def small_disk(log: Path) -> Iterator[SmallDisk]:
    """Mount the disk, and run the server during the block. Skips the test where no file system can be mounted."""
    folder = Path("/tmp") / f"lockstitch-disk-{os.getpid()}"  # noqa: S108 - the server may not look into tmp_path
    folder.mkdir(mode=0o711)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,mode=0711", "tmpfs", str(folder)]
    try:
        if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("a file system can be mounted only as root")
        try:
            disk = SmallDisk(folder, log)
            with disk.running():
                yield disk
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
    finally:
        folder.rmdir()
