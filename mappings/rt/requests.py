"""What the calls for tickets and messages share: searches, and their answers.

Request Tracker reads the times of a search in the time zone of its user, and takes no notice of one that stands beside
them. Which one that is nobody tells us, so a search goes back as far as any zone can be behind, and what is too old is
left out of the answer.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Raw, Struct

from canonical import values
from mappings.http import VendorReply
from mappings.rt.wire_rest2 import API, Account, Hyperlink
from mappings.spec import decode

TICKETS: Final = f"{API}/tickets"
TICKET: Final = f"{API}/ticket"
ONE: Final = f"{TICKET}/{{id}}"
ATTACHMENTS: Final = f"{API}/attachments"
TRANSACTIONS: Final = f"{API}/transactions"
MOST: Final = 100
FARTHEST_BEHIND: Final = timedelta(hours=12)
"""UTC-12 is the zone that is last."""

Query = tuple[tuple[str, str], ...]


class Limit(Struct, frozen=True, kw_only=True):
    """One condition of a search in JSON; all of them have to hold."""

    field: str
    operator: str = "="
    value: str | tuple[str, ...]


class Head(Struct, frozen=True, kw_only=True):
    """A record's number, which is text in lists."""

    id: int | str


class _Listed(Struct, frozen=True, kw_only=True):
    items: tuple[Raw, ...]
    next_page: str | None = None


def search(*limits: Limit) -> str:
    """A search as it stands in a query."""
    return msgspec.json.encode(limits).decode()


def surely_before(moment: datetime) -> str:
    """A time for a search that is read as this one or an earlier one, whatever the zone."""
    earliest = datetime.min.replace(tzinfo=values.utc(moment).tzinfo) + FARTHEST_BEHIND
    return (max(values.utc(moment), earliest) - FARTHEST_BEHIND).strftime("%Y-%m-%d %H:%M:%S")


def number(remote_id: str) -> str:
    """A record's number, and 0 for what is none: no record has it."""
    return remote_id if remote_id.isascii() and remote_id.isdecimal() and len(remote_id) < 19 else "0"


def listed(reply: VendorReply) -> tuple[tuple[Raw, ...], bool]:
    """The records of a list, and whether there are more. Raises VendorDrift where it is none."""
    answer = decode(reply.body, _Listed)
    return answer.items, answer.next_page is not None


def remote_id(record: bytes | Raw) -> str:
    """The number of a record. Raises VendorDrift where it has none."""
    return str(decode(record, Head).id)


def web_address(hyperlinks: tuple[Hyperlink, ...], id: str) -> str | None:
    """Where a person sees the ticket: beside the API, by Request Tracker's own idea of its address."""
    for link in hyperlinks:
        if link.ref == "self" and link.url is not None:
            base, api, _ = link.url.partition(API)
            return f"{base}/Ticket/Display.html?id={id}" if api else None
    return None


def afresh(account: Account, version: str | None, people: bool) -> Account:
    """The account before anything was asked for beside the records of this very answer; `people` says that they hold
    their own."""
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
