"""The input of a command: a file, or standard input."""

import sys
from pathlib import Path
from typing import Final

from app.cli.exits import usage

STANDARD_INPUT: Final = Path("-")


def read_input(file: Path) -> bytes:
    """Return the content of a file, or of standard input for `-`. Exits if it cannot be read."""
    try:
        return sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    except OSError as error:
        usage(f"{file} cannot be read: {error.strerror}.")
