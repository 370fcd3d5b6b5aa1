"""JSON output of the commands, and its option."""

import logging
import re
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final

import msgspec
from cyclopts import Parameter

CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a vendor's text must not send to a terminal: control characters, and those that reverse the text."""
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
Flag = Annotated[bool, Parameter(negative=())]
"""A flag without a `--no-…` form."""

Json = Annotated[bool, Parameter(name="--json", negative=(), help="Print JSON.")]


def log_nothing() -> None:
    """Keep the log off the screen, because the command itself says what is wrong."""
    logging.getLogger("lockstitch").setLevel(logging.CRITICAL + 1)


def say(*lines: str, style: str = "") -> None:
    """Print lines whole, so that commands in them can be copied. On a terminal, in the `style` of an ANSI code."""
    begin, end = (f"\x1b[{style}m", "\x1b[0m") if style and sys.stdout.isatty() else ("", "")
    sys.stdout.write("".join(f"{begin}{CONTROL.sub(REPLACEMENT, line)}{end}\n" for line in lines))


def announce_vendors(names: Sequence[str]) -> None:
    """On a terminal, say whose vendors are asked: one that is silent takes 11 s."""
    if names and sys.stderr.isatty():
        sys.stderr.write(f"Asking the vendor of {', '.join(names)} …\n")


def write_json(content: Any) -> None:
    """Print the same document as the API returns, indented."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n")


def print_result(content: Any, sentence: str, *, json: bool) -> None:
    """Print the result: the API's document if `json`, otherwise one sentence."""
    if json:
        write_json(content)
    else:
        sys.stdout.write(f"{sentence}\n")
