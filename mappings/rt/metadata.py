"""The links that hold the caller's key and the marker: addresses that a ticket refers to.

Databases ignore the case of addresses and keep 240 characters. So a key is written in lower case, and everything else,
capital letters too, is percent-encoded.
"""

from typing import Final
from urllib.parse import unquote

from mappings.rt.wire_rest2 import KEY, MARK, Ticket

LONGEST: Final = 240
AS_THEY_ARE: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-._~")


def address_of_key(key: str) -> str:
    """Return the address for a caller's key."""
    return KEY + "".join(chr(byte) if byte in AS_THEY_ARE else f"%{byte:02x}" for byte in key.encode())


def key_of(address: str) -> str:
    """Return the caller's key of an address."""
    return unquote(address.removeprefix(KEY))


def address_of_mark(marker: str) -> str:
    """Return the address for the marker of an operation."""
    return MARK + marker


def stored_addresses(ticket: Ticket | None) -> tuple[str, ...]:
    """Return the addresses of a ticket's keys: several, if other tickets were merged into it."""
    return tuple(
        link.url
        for link in (() if ticket is None else ticket.hyperlinks)
        if link.ref == "refers-to" and link.url is not None and link.url.startswith(KEY)
    )


def stored_parent(ticket: Ticket | None) -> str | None:
    """Return the number of the parent."""
    for link in () if ticket is None else ticket.hyperlinks:
        if link.ref == "parent" and link.type == "ticket" and link.id is not None:
            return str(link.id)
    return None
