"""What commands print for programs."""

import sys
from typing import Any

import msgspec


def write_json(content: Any) -> None:
    """The same document as the API's."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n")
