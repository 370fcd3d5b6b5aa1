"""Paths, searches and lists that tickets and messages share.

Request Tracker reads the times of a search in the time zone of its user and ignores an offset. The API does not report
this zone. So a search begins early enough for every zone, and what is too old is left out of the answer.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Raw, Struct

from canonical import values
from mappings.http import VendorReply
from mappings.rt.wire_rest2 import API, Account, Hyperlink
from mappings.spec import decode

TICKET_LIST: Final = f"{API}/tickets"
ATTACHMENTS: Final = f"{API}/attachments"
TRANSACTIONS: Final = f"{API}/transactions"
MOST: Final = 100
FARTHEST_BEHIND: Final = timedelta(hours=12)
"""The last time zone is UTC-12."""


class Limit(Struct, frozen=True, kw_only=True):
    """One condition of a search in JSON; all of them have to hold."""

    field: str
    operator: str = "="
    value: str | tuple[str, ...]


class _Listed(Struct, frozen=True, kw_only=True):
    items: tuple[Raw, ...]
    next_page: str | None = None


def search(*limits: Limit) -> str:
    """Write a search in JSON, for the query of a request."""
    return msgspec.json.encode(limits).decode()


def search_time(moment: datetime) -> str:
    """Write a time for a search: at or before `moment` in every time zone."""
    earliest = datetime.min.replace(tzinfo=values.utc(moment).tzinfo) + FARTHEST_BEHIND
    return (max(values.utc(moment), earliest) - FARTHEST_BEHIND).strftime("%Y-%m-%d %H:%M:%S")


def number(remote_id: str) -> str:
    """Return a record's number, and 0 for any other text: no record has it."""
    return remote_id if remote_id.isascii() and remote_id.isdecimal() and len(remote_id) < 19 else "0"


def listed(reply: VendorReply) -> tuple[tuple[Raw, ...], bool]:
    """Return the records of a list, and whether there are more. Raises VendorDrift for any other answer."""
    answer = decode(reply.body, _Listed)
    return answer.items, answer.next_page is not None


def web_address(hyperlinks: tuple[Hyperlink, ...], id: str) -> str | None:
    """Return the address of the ticket for people, from the address that Request Tracker gives for its API."""
    for link in hyperlinks:
        if link.ref == "self" and link.url is not None:
            base, api, _ = link.url.partition(API)
            return f"{base}/Ticket/Display.html?id={id}" if api else None
    return None


def without_related(account: Account, version: str | None, people: bool) -> Account:
    """Return the account without the related records of an earlier answer. `people`: the records of this answer contain
    the people."""
    return msgspec.structs.replace(
        account,
        version=version,
        people={} if people else None,
        firsts=None,
        messages=None,
        privileged={},
        authors=(),
        more_messages=1,
    )
