"""`lockstitch …` as somebody at a keyboard runs it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
PATIENCE: Final = 300.0


def lockstitch(
    *arguments: str, environment: Mapping[str, str] | None = None, columns: int = 80, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command on a terminal so wide, with `text` on its standard input and no settings but those given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTITCH_", "OTEL_"))}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        env={**inherited, "COLUMNS": str(columns), **(environment or {})},
        cwd=ROOT,
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
