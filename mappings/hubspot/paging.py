"""Lists. A query becomes a plain list, a batch read or a search.

A plain list follows HubSpot's cursor. Unique keys are read by a batch of one, which is strongly consistent. Everything
else is a search. A search never pages by offset: HubSpot caps it at 10,000 results, and a record that changes between
two pages shifts the others and hides one. A page ends before the time of its last record (`modified`), because other
records may share that millisecond, and the next page starts at it. If one millisecond fills a whole page, as after an
import, its records are listed by id first. No record is missed and none is repeated. A list sorted by time does the
same, in either direction. Without `updated_since` or a sort, a search pages by id.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct

from mappings.endpoints import ListQuery, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.account import stages_with_status
from mappings.hubspot.field_values import instant, milliseconds
from mappings.hubspot.requests import CrmObject, next_cursor
from mappings.hubspot.wire_v3 import Account, Filter, FilterGroup, Search
from mappings.spec import decode

ID: Final = "hs_object_id"
CONTACT: Final = "associations.contact"
"""The search's pseudo-property for an association with a contact."""
Order = Literal["time", "ties", "ids"]
_ORDERS: Final[dict[str, Order]] = {"time": "time", "ties": "ties", "ids": "ids"}
LAST_MOMENT: Final = 253_402_300_799_999
"""The end of the year 9999, in epoch milliseconds: a list of the newest starts here."""
UNIQUE: Final[dict[str, str | None]] = {"email": "email", "external_id": None, "number": None}
"""Filters that match at most one record, and the unique property to read it by (None: its id). The property of
`external_id` depends on the object."""


class Head(Struct, frozen=True, kw_only=True, rename="camel"):
    """The members of a record that paging needs."""

    id: str
    created_at: datetime
    updated_at: datetime
    properties: dict[str, str | None] = {}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the next page of a search starts. `time`: at `since` (epoch ms), towards the past if the query descends.
    `ties`: records of exactly `since`, above the id `above`. `ids`: all records above it."""

    by: Order
    since: int = 0
    above: str = "0"

    def text(self) -> str:
        """Return the cursor."""
        return f"{self.by}:{self.since}:{self.above}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Parse a cursor. Raises ValueError for a foreign one."""
        order, since, above = text.split(":")
        by = _ORDERS.get(order)
        if by is None:
            raise ValueError("not a cursor of this list")
        return cls(by=by, since=int(since), above=above)


def list_request(crm: CrmObject, query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for a page. Raises ValueError for a cursor that did not come from `page`."""
    unique = _unique(crm, query)
    if unique is not None:
        id_property = crm.external_id if unique == "external_id" else UNIQUE[unique]
        return crm.read_batch((query.filters[unique],), crm.properties(account), id_property)
    if not _is_search(query):
        return crm.listed((*crm.paging.window(query), *crm.selection(account)))
    place = _place(query)
    body = Search(
        filter_groups=(FilterGroup(filters=_filters(crm, place, query, account)),),
        sorts=(f"{'-' if query.descending else ''}{_property(crm, query)}" if place.by == "time" else ID,),
        properties=crm.properties(account),
        limit=query.limit + (place.by == "time"),  # the last record belongs to the next page
    )
    return crm.search(msgspec.json.encode(body))


def page(crm: CrmObject, reply: VendorReply, query: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the records of a page and the next cursor. Raises VendorDrift for another shape."""
    if is_plain(crm, query):
        return crm.page(reply, query, account)
    records = crm.records(reply)
    if _unique(crm, query) is not None:
        kept = tuple(record for record in records if _matches(crm, record, query, account))
        return VendorPage(records=kept, next=None, account=account)
    return _search_page(crm, records, query, next_cursor(reply) is not None, account)


def is_plain(crm: CrmObject, query: ListQuery) -> bool:
    """Return whether the query is a plain list. Only that has associations."""
    return _unique(crm, query) is None and not _is_search(query)


def _unique(crm: CrmObject, query: ListQuery) -> str | None:
    if _person(query) is not None:
        return None  # only a search knows associations
    return next((name for name in UNIQUE if name in query.filters and name not in crm.searched), None)


def _person(query: ListQuery) -> str | None:
    """Return the contact that the list is about: an order's customer or a ticket's requester."""
    return query.filters.get("customer") or query.filters.get("requester")


def _is_search(query: ListQuery) -> bool:
    return query.updated_since is not None or query.sort is not None or bool(query.filters)


def _property(crm: CrmObject, query: ListQuery) -> str:
    """Return the property that a search by time is ordered by."""
    return crm.modified if query.by_change else crm.created


def _place(query: ListQuery) -> Place:
    if query.after is not None:
        return Place.parse(query.after)
    if query.updated_since is not None:
        return Place(by="time", since=milliseconds(query.updated_since))
    if query.sort is not None:
        return Place(by="time", since=LAST_MOMENT if query.descending else 0)
    return Place(by="ids")


def _filters(crm: CrmObject, place: Place, query: ListQuery, account: Account) -> tuple[Filter, ...]:
    filters: list[Filter] = []
    time, onwards, back = _property(crm, query), "GTE", "LTE"
    if query.descending:
        onwards, back = back, onwards
    if place.by != "ids":
        filters.append(Filter(property_name=time, operator=onwards, value=str(place.since)))
    if place.by == "ties":
        filters.append(Filter(property_name=time, operator=back, value=str(place.since)))
    if place.by != "time":
        filters.append(Filter(property_name=ID, operator="GT", value=place.above))
    if (person := _person(query)) is not None:
        filters.append(Filter(property_name=CONTACT, operator="EQ", value=person))
    if (number := query.filters.get("number")) is not None and "number" not in crm.searched:
        filters.append(Filter(property_name=ID, operator="EQ", value=number if number.isdecimal() else "0"))
    if (key := query.filters.get("external_id")) is not None and "external_id" not in crm.searched:
        filters.append(Filter(property_name=crm.external_id, operator="EQ", value=key))
    if "status" in query.filters:
        filters.append(_status_filter(query.filters["status"], account))
    filters += (
        Filter(property_name=name, operator="EQ", value=query.filters[one])
        for one, name in crm.searched.items()
        if one in query.filters
    )
    return tuple(filters)


def _status_filter(status: str, account: Account) -> Filter:
    stages = stages_with_status(account, status)
    if not stages:  # no record matches: ids start at 1
        return Filter(property_name=ID, operator="EQ", value="0")
    return Filter(property_name="hs_pipeline_stage", operator="IN", values=stages)


def _search_page(
    crm: CrmObject, records: tuple[msgspec.Raw, ...], query: ListQuery, more: bool, account: Account
) -> VendorPage[Account]:
    place, following = _place(query), None
    heads = [decode(record, Head) for record in records]
    if place.by == "time" and heads and (more or len(heads) > query.limit):
        times = [_time(crm, one, query) for one in heads]
        first = times.index(times[-1])
        records, following = records[:first], Place(by="time" if first else "ties", since=times[-1])
    elif place.by != "time" and more and heads:
        following = Place(by=place.by, since=place.since, above=heads[-1].id)
    elif place.by == "ties":
        following = Place(by="time", since=place.since + (-1 if query.descending else 1))
    return VendorPage(records=records, next=None if following is None else following.text(), account=account)


def _time(crm: CrmObject, one: Head, query: ListQuery) -> int:
    if not query.by_change:
        return milliseconds(one.created_at)
    return milliseconds(instant(one.properties.get(crm.modified), crm.modified) or one.updated_at)


def _matches(crm: CrmObject, record: msgspec.Raw, query: ListQuery, account: Account) -> bool:
    """Return whether a record found by a unique key matches the other filters. The key itself is not compared: HubSpot
    finds a contact by its additional addresses too."""
    head = decode(record, Head)
    others = {name: value for name, value in query.filters.items() if name != _unique(crm, query)}
    if query.updated_since is not None and head.updated_at < query.updated_since:
        return False
    if any(head.properties.get(name) != others[one] for one, name in crm.searched.items() if one in others):
        return False
    if "external_id" in others and head.properties.get(crm.external_id) != others["external_id"]:
        return False
    if "number" in others and "number" not in crm.searched and head.id != others["number"]:
        return False
    return "status" not in others or head.properties.get("hs_pipeline_stage") in stages_with_status(
        account, others["status"]
    )
