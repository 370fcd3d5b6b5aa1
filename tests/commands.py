"""`lockstitch …` as somebody at a keyboard runs it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.forked import Forked

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE: Final = 300.0


def lockstitch(
    *arguments: str, environment: Mapping[str, str] | None = None, columns: int = 80, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command on a terminal so wide, with `text` on its standard input and no settings but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ("in", "out", "err")]
        streams[0].write_text(text or "")
        process = Forked(
            "app.cli",
            arguments,
            environment={**inherited, **(environment or {}), "COLUMNS": str(columns)},
            folder=ROOT,
            streams=(streams[0], streams[1], streams[2]),
        )
        code = process.wait(PATIENCE)
        return subprocess.CompletedProcess(arguments, code, streams[1].read_text(), streams[2].read_text())


def exits(done: subprocess.CompletedProcess[str], code: int = 0) -> subprocess.CompletedProcess[str]:
    """Return what a command printed, which must have ended with this exit code."""
    assert done.returncode == code, done.stdout + done.stderr
    return done


def output_of(done: subprocess.CompletedProcess[str]) -> str:
    """Return the output of a command that must have succeeded, on a terminal of 80 columns. A command to copy is
    printed on one line."""
    lines = [line for line in exits(done).stdout.splitlines() if not line.startswith("    lockstitch ")]
    assert max(map(len, lines), default=0) <= 80, done.stdout
    return done.stdout


def json_of(done: subprocess.CompletedProcess[str]) -> Any:
    """Return the JSON that a command printed, which must have succeeded."""
    return json.loads(exits(done).stdout)
