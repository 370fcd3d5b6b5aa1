"""Listing tickets so that none is missed while others change: by their numbers, each page from the last one on.

A list by time of change goes the same way, so what changes after it was begun is either met or changed after that.
Pages by number would end in the last page again and again, and shift when a ticket is deleted or merged.
"""

from typing import Final

from msgspec import Struct

from canonical import values
from canonical.parts import Instant
from mappings.http import VendorReply, VendorRequest
from mappings.rt.enums import STATUS_WRITTEN
from mappings.rt.metadata import address_of_key
from mappings.rt.related import PEOPLE_QUERY
from mappings.rt.requests import MOST, TICKETS, afresh, listed, number, remote_id, surely_before
from mappings.rt.wire_rest2 import Account
from mappings.spec import ListQuery, Page, decode

NAMES: Final = (
    "Subject,Status,Priority,Queue,Owner,Requestor,Cc,AdminCc,Due,Resolved,Created,LastUpdated,CustomFields,_hyperlinks"
)
FIELDS: Final = (("fields", NAMES), *PEOPLE_QUERY)
FILTERS: Final = frozenset({"external_id", "number", "status"})
NONE_OF_THEM: Final = "id = 0"


class _Changed(Struct, frozen=True, kw_only=True, rename="pascal"):
    last_updated: Instant


def list_tickets(query: ListQuery, account: Account) -> VendorRequest:
    """The tickets behind the last one that was seen. Raises ValueError for a cursor that is none of ours."""
    conditions = [f"id > {_place(query.after)}"]
    if query.updated_since is not None:
        conditions.append(f"LastUpdated > '{surely_before(query.updated_since)}'")
    conditions += [_condition(name, value) for name, value in query.filters.items()]
    asked = (
        ("query", " AND ".join(conditions)),
        ("orderby", "id"),
        ("per_page", str(min(query.limit, MOST))),
        *FIELDS,
    )
    return VendorRequest(method="GET", path=TICKETS, route=TICKETS, query=asked)


def page(reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The tickets of a page that are not too old."""
    found, more = listed(reply)
    since = None if query.updated_since is None else values.utc(query.updated_since)
    kept = found if since is None else tuple(one for one in found if decode(one, _Changed).last_updated >= since)
    following = remote_id(found[-1]) if found and more else None
    return Page(records=kept, next=following, account=afresh(account, None, people=True))


def _place(after: str | None) -> str:
    if after is None:
        return "0"
    if number(after) == "0":
        raise ValueError("not the number of a ticket")
    return after


def _condition(name: str, value: str) -> str:
    """An exact match, of words that need no quoting. What no ticket can hold finds none."""
    match name:
        case "external_id":
            return f"RefersTo = '{address_of_key(value)}'"
        case "number":
            return f"id = {number(value)}"
        case _:
            word = next((theirs for ours, theirs in STATUS_WRITTEN.items() if ours == value), None)
            return NONE_OF_THEM if word is None else f"Status = '{word}'"
