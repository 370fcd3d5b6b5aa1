"""Report where a record has a value that fits its Struct but cannot be read."""

from typing import Final

import msgspec
from msgspec import Struct

from mappings.drift import places_holding
from mappings.spec import VendorDrift

MOST_NAMED: Final = 3
"""If more members hold the failing value, an error names none of them."""


def misread(record: Struct, error: Exception, what: str) -> VendorDrift:
    """Return the error for a record that fits its Struct but holds an unreadable value.

    The path leads to the value if the error has it (`text`) and at most three members hold it. Otherwise the reason
    begins with `what`.
    """
    text = getattr(error, "text", None)
    places = [] if text is None else list(places_holding(msgspec.json.decode(msgspec.json.encode(record)), text))
    if not 1 <= len(places) <= MOST_NAMED:
        return VendorDrift("$", f"{what}: {type(error).__name__}")
    others = f", or at {' or '.join(places[1:])}" if len(places) > 1 else ""
    return VendorDrift(places[0], f"{error}{others}")
