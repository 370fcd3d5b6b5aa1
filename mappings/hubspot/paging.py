"""Lists. A query becomes a plain list, a batch read or a search.

A plain list follows HubSpot's cursor. Unique keys are read by a batch of one, which is strongly consistent. Everything
else is a search. A search never pages by offset: HubSpot caps it at 10,000 results, and a record that changes between
two pages shifts the others and hides one. Each page starts at the time of the last record (`modified`) and omits the
records of that millisecond that were listed. If one millisecond fills a whole page, as after an import, its records are
listed by id first. No record is missed and none is repeated. Without `updated_since`, a search pages by id.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct

from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.account import stages_with_status
from mappings.hubspot.field_values import instant, milliseconds
from mappings.hubspot.requests import CrmObject, next_cursor
from mappings.hubspot.wire_v3 import Account, Filter, FilterGroup, Search
from mappings.spec import ListQuery, VendorPage, decode

ID: Final = "hs_object_id"
Order = Literal["time", "ties", "ids"]
_ORDERS: Final[dict[str, Order]] = {"time": "time", "ties": "ties", "ids": "ids"}
UNIQUE: Final[dict[str, str | None]] = {"email": "email", "external_id": None, "number": None}
"""Filters that match at most one record, and the unique property to read it by (None: its id). The property of
`external_id` depends on the object."""


class Head(Struct, frozen=True, kw_only=True, rename="camel"):
    """The members of a record that paging needs."""

    id: str
    updated_at: datetime
    properties: dict[str, str | None] = {}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the next page of a search starts. `time`: at `since` (epoch ms). `ties`: records of exactly `since`, above
    the id `above`. `ids`: all records above it. Those in `seen` were on an earlier page."""

    by: Order
    since: int = 0
    above: str = "0"
    seen: frozenset[str] = frozenset()

    def text(self) -> str:
        """Return the cursor."""
        return f"{self.by}:{self.since}:{self.above}:{','.join(sorted(self.seen))}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Parse a cursor. Raises ValueError for a foreign one."""
        order, since, above, seen = text.split(":")
        by = _ORDERS.get(order)
        if by is None:
            raise ValueError("not a cursor of this list")
        return cls(by=by, since=int(since), above=above, seen=frozenset(seen.split(",") if seen else ()))


def list_request(crm: CrmObject, query: ListQuery, account: Account) -> VendorRequest:
    """Build the request for a page. Raises ValueError for a cursor that did not come from `page`."""
    unique = _unique(crm, query)
    if unique is not None:
        id_property = crm.external_id if unique == "external_id" else UNIQUE[unique]
        return crm.read_batch((query.filters[unique],), crm.properties(account), id_property)
    if not _is_search(crm, query):
        return crm.listed((*crm.paging.window(query), *crm.selection(account)))
    place = _place(query)
    body = Search(
        filter_groups=(FilterGroup(filters=_filters(crm, place, query, account)),),
        sorts=(crm.modified if place.by == "time" else ID,),
        properties=crm.properties(account),
        limit=query.limit,
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
    return _search_page(crm, records, _place(query), next_cursor(reply) is not None, account)


def is_plain(crm: CrmObject, query: ListQuery) -> bool:
    """Return whether the query is a plain list. Only that has associations."""
    return _unique(crm, query) is None and not _is_search(crm, query)


def _unique(crm: CrmObject, query: ListQuery) -> str | None:
    return next((name for name in UNIQUE if name in query.filters and name not in crm.searched), None)


def _is_search(crm: CrmObject, query: ListQuery) -> bool:
    return (
        query.updated_since is not None
        or "status" in query.filters
        or not crm.searched.keys().isdisjoint(query.filters)
    )


def _place(query: ListQuery) -> Place:
    if query.after is not None:
        return Place.parse(query.after)
    if query.updated_since is None:
        return Place(by="ids")
    return Place(by="time", since=milliseconds(query.updated_since))


def _filters(crm: CrmObject, place: Place, query: ListQuery, account: Account) -> tuple[Filter, ...]:
    filters: list[Filter] = []
    if place.by != "ids":
        filters.append(Filter(property_name=crm.modified, operator="GTE", value=str(place.since)))
    if place.by == "ties":
        filters.append(Filter(property_name=crm.modified, operator="LTE", value=str(place.since)))
    if place.by != "time":
        filters.append(Filter(property_name=ID, operator="GT", value=place.above))
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
    crm: CrmObject, records: tuple[msgspec.Raw, ...], place: Place, more: bool, account: Account
) -> VendorPage[Account]:
    heads = [decode(record, Head) for record in records]
    fresh = tuple(record for record, one in zip(records, heads, strict=True) if one.id not in place.seen)
    if place.by == "ties" and not more:
        return VendorPage(records=fresh, next=Place(by="time", since=place.since + 1).text(), account=account)
    if not more or not heads:
        return VendorPage(records=fresh, next=None, account=account)
    if place.by != "time":
        place = Place(by=place.by, since=place.since, above=heads[-1].id, seen=place.seen)
        return VendorPage(records=fresh, next=place.text(), account=account)

    times = [_modified(crm, one) for one in heads]
    last = times[-1]
    if times[0] == last:
        seen = place.seen if last == place.since else frozenset[str]()
        return VendorPage(records=(), next=Place(by="ties", since=last, seen=seen).text(), account=account)
    seen = frozenset(one.id for one, time in zip(heads, times, strict=True) if time == last)
    return VendorPage(records=fresh, next=Place(by="time", since=last, seen=seen).text(), account=account)


def _modified(crm: CrmObject, one: Head) -> int:
    return milliseconds(instant(one.properties.get(crm.modified), crm.modified) or one.updated_at)


def _matches(crm: CrmObject, record: msgspec.Raw, query: ListQuery, account: Account) -> bool:
    """Whether a record found by a unique key matches the other filters. The key itself is not compared: HubSpot finds a
    contact by its additional addresses too."""
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
