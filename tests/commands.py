"""`lockstitch …` as somebody at a keyboard runs it."""

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

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
