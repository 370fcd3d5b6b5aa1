"""Lists of tickets: by number, each page from the last ticket on, so that none is missed while others change.

A list by time of change has the same order: a ticket that changes meanwhile is listed, or belongs to the next list.
Pages by number would repeat the last page forever, and shift when a ticket is deleted or merged.
"""

from typing import Final

from msgspec import Raw, Struct

from canonical import values
from canonical.parts import Instant
from mappings.endpoints import ListQuery, Sort
from mappings.http import VendorReply
from mappings.kit.paging import Cursors, Query
from mappings.kit.rest import remote_id
from mappings.rt.enums import STATUS_WRITTEN
from mappings.rt.metadata import address_of_key
from mappings.rt.requests import MOST, listed, number, search_time
from mappings.spec import decode

FILTERS: Final = frozenset({"email", "external_id", "number", "status"})
SORTS: Final[frozenset[Sort]] = frozenset({"created_at", "-created_at"})
"""Tickets are numbered in the order of their creation."""
LAST_NUMBER: Final = "2147483647"
"""Request Tracker's numbers are 32-bit integers."""
NO_TICKET: Final = "id = 0"


class _Changed(Struct, frozen=True, kw_only=True, rename="pascal"):
    last_updated: Instant


def ask(query: ListQuery, rows: int) -> Query:
    """Return the parameters of a page. Raises ValueError for a foreign cursor."""
    conditions = [f"id {'<' if query.descending else '>'} {_after(query)}"]
    if query.updated_since is not None:
        conditions.append(f"LastUpdated > '{search_time(query.updated_since)}'")
    conditions += [_condition(name, value) for name, value in query.filters.items()]
    order = (("order", "DESC"),) if query.descending else ()
    return (("query", " AND ".join(conditions)), ("orderby", "id"), *order, ("per_page", str(rows)))


def following(reply: VendorReply) -> str | None:
    """Return the number of the last ticket, None on the last page."""
    tickets, more = listed(reply)
    return remote_id(tickets[-1]) if tickets and more else None


def changed_since(records: tuple[Raw, ...], query: ListQuery) -> tuple[Raw, ...]:
    """Return the tickets that are not too old."""
    if query.updated_since is None:
        return records
    since = values.utc(query.updated_since)
    return tuple(one for one in records if decode(one, _Changed).last_updated >= since)


BY_NUMBER: Final = Cursors(ask=ask, following=following, most=MOST, keep=changed_since)


def _after(query: ListQuery) -> str:
    if query.after is None:
        return LAST_NUMBER if query.descending else "0"
    if number(query.after) == "0":
        raise ValueError("not the number of a ticket")
    return query.after


def _condition(name: str, value: str) -> str:
    """Return an exact match, in text that needs no quoting. A value that no ticket can hold finds none."""
    match name:
        case "external_id":
            return f"RefersTo = '{address_of_key(value)}'"
        case "email":
            return NO_TICKET if set(value) & set("'\\") else f"Requestor.EmailAddress = '{values.email_key(value)}'"
        case "number":
            return f"id = {number(value)}"
        case _:
            word = next((theirs for ours, theirs in STATUS_WRITTEN.items() if ours == value), None)
            return NO_TICKET if word is None else f"Status = '{word}'"
