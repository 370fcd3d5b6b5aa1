"""Run commands in a copy of the project."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.commands import exits

ROOT = Path(__file__).parents[2]
COPIED = ("app", "canonical", "mappings", "emulators", "docs")
TESTS = ("tests/mappings", "tests/emulators", "tests/contract", "tests/peers")
FILES = (
    "pyproject.toml",
    "mkdocs.yml",
    *(
        f"tests/{name}.py"
        for name in ("commands", "encryption", "forked", "forked_last", "required", "shared_material")
    ),
)


def run(folder: Path, *command: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOCKSTITCH_")}
    environment = {**inherited, "COLUMNS": "80", "PYTHONPATH": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def lockstitch(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run(folder, sys.executable, "-m", "app.cli", *arguments)


def report(folder: Path, name: str, *arguments: str) -> dict[str, Any]:
    """Return what `check-vendor --json` reports."""
    return json.loads(exits(lockstitch(folder, "check-vendor", name, "--json", *arguments)).stdout)
