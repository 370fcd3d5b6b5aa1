"""What commands print for programs, and the option that asks for it."""

import sys
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

Flag = Annotated[bool, Parameter(negative=())]
"""An option that is given or left out; no `--no-…` takes it back."""

Json = Annotated[bool, Parameter(name="--json", negative=())]


def write_json(content: Any) -> None:
    """The same document as the API's."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n")


def tell(content: Any, sentence: str, *, json: bool) -> None:
    """What was done: as the API's document, or in one sentence for whoever is at the keyboard."""
    if json:
        write_json(content)
    else:
        sys.stdout.write(f"{sentence}\n")
