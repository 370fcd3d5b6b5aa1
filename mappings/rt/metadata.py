"""The links that hold the caller's key and our mark: addresses that a ticket refers to.

Databases compare addresses without regard to case and keep 240 characters of them, so a key is spelled with small
letters alone: everything else of it is percent-encoded, capital letters too.
"""

from typing import Final
from urllib.parse import unquote

from mappings.rt.wire_rest2 import KEY, MARK, Ticket

LONGEST: Final = 240
AS_THEY_ARE: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-._~")


def address_of_key(key: str) -> str:
    """The address that stands for a caller's key."""
    return KEY + "".join(chr(byte) if byte in AS_THEY_ARE else f"%{byte:02x}" for byte in key.encode())


def key_of(address: str) -> str:
    """The caller's key of such an address."""
    return unquote(address.removeprefix(KEY))


def address_of_mark(marker: str) -> str:
    """The address that stands for one of our operations."""
    return MARK + marker


def held_addresses(ticket: Ticket | None) -> tuple[str, ...]:
    """The addresses of the keys that a ticket has: several, when others were merged into it."""
    return tuple(
        link.url
        for link in (() if ticket is None else ticket.hyperlinks)
        if link.ref == "refers-to" and link.url is not None and link.url.startswith(KEY)
    )


def held_parent(ticket: Ticket | None) -> str | None:
    """The number of the ticket that a ticket is part of."""
    for link in () if ticket is None else ticket.hyperlinks:
        if link.ref == "parent" and link.type == "ticket" and link.id is not None:
            return str(link.id)
    return None
