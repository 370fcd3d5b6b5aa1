"""`lockstitch dev` as a process that is killed and started again, and its children to choose victims from."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.ports import free_port

PATIENCE = 60.0


class Supervised:
    """A whole Lockstitch in a folder of its own; `start` carries on with the data that is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = (free_port(), free_port(), free_port())
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, str]:
        """Start it and wait until it announces itself; what it announces."""
        announcement = self.folder / "data" / "dev.json"
        announcement.unlink(missing_ok=True)
        api, emulators, worker = self.ports
        own = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
        own |= {
            "LOCKSTITCH_DATA_DIR": str(self.folder / "data"),
            "LOCKSTITCH_PORT": str(api),
            "LOCKSTITCH_EMULATORS_PORT": str(emulators),
            "LOCKSTITCH_WORKER_PORT": str(worker),
            # A dead owner is noticed soon, so that a test need not wait as long as production may.
            "LOCKSTITCH_OPERATION_LEASE": "6",
            "LOCKSTITCH_SETTLE_MARGIN": "1",
        }
        with (self.folder / "output").open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.cli", "dev"], env=own, stdout=sink, stderr=sink, start_new_session=True
            )
        deadline = time.monotonic() + PATIENCE
        while not announcement.exists():
            assert self._process.poll() is None, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.05)
        return json.loads(announcement.read_bytes())

    def kill(self, what: str) -> None:
        """Kill -9 the supervisor, or its child `serve` or `worker` where it is up."""
        assert self._process is not None
        if what == "supervisor":
            self._process.kill()
            self._process.wait(PATIENCE)
            return
        for pid in self._children():
            command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if what.encode() in command:
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """End it cleanly and remove the folder."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE)
        shutil.rmtree(self.folder)

    def output(self) -> str:
        """What it said, for the one who reads a failure."""
        return (self.folder / "output").read_text(errors="replace")

    def _children(self) -> list[int]:
        assert self._process is not None
        try:
            listed = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        except FileNotFoundError:
            return []
        return [int(pid) for pid in listed.split()]
