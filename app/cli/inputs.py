"""What a command is given to work on: a file, or standard input."""

import sys
from pathlib import Path
from typing import Final

from app.cli.exits import usage

STANDARD_INPUT: Final = "-"


def read_input(file: str) -> bytes:
    """The content of the file, of standard input for `-`. Ends the command where it cannot be read."""
    try:
        return sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
    except OSError as error:
        usage(f"{file} cannot be read: {error.strerror}.")
