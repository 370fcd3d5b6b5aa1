"""JSON output of the commands, and its option."""

import logging
import sys
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

Flag = Annotated[bool, Parameter(negative=())]
"""A flag without a `--no-…` form."""

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


def log_nothing() -> None:
    """Keep the log off the screen, because the command itself says what is wrong."""
    logging.getLogger("lockstitch").setLevel(logging.CRITICAL + 1)


def write_json(content: Any) -> None:
    """Print the same document as the API returns, indented."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n")


def print_result(content: Any, sentence: str, *, json: bool) -> None:
    """Print the result: the API's document if `json`, otherwise one sentence."""
    if json:
        write_json(content)
    else:
        sys.stdout.write(f"{sentence}\n")
