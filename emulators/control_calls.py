"""Read control calls. Bad input is `Refused`."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from emulators.http import Call
from emulators.vendor import Emulator


class Refused(Exception):
    """Bad control input, in one sentence; answered with 400."""


Order = TypeVar("Order", bound=msgspec.Struct)


def order_of(call: Call, kind: type[Order]) -> Order:
    """Decode the body as this type."""
    try:
        return msgspec.json.decode(call.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"The body is not what is expected here: {error}.") from error


def vendor_of(emulators: Mapping[str, Emulator], vendor: str | None) -> str:
    """Return the name of a known vendor."""
    if vendor is None:
        raise Refused("Name a vendor.")
    if vendor not in emulators:
        raise Refused(f"There is no vendor {vendor}; there are {', '.join(sorted(emulators))}.")
    return vendor


def limit_of(call: Call) -> int | None:
    """Return the requested number of entries; None for all."""
    limit = call.param("limit")
    if limit is not None and not limit.isdecimal():
        raise Refused("limit is a whole number.")
    return int(limit) if limit is not None else None
