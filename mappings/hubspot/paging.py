"""Lists: which of HubSpot's three ways of finding records answers a query, and where the next page begins.

A plain list follows HubSpot's cursor. Unique keys are read by a batch of one, which is strongly consistent. The rest
is a search, and a search never pages by offset: it is capped at 10,000 results, and a record that changes between
two pages would shift the others and hide one. Instead every page begins anew at the time of the last record seen
(`modified`), and leaves out those of that very millisecond that were there already. When one millisecond fills a
whole page, as after an import, its records are read by id before time goes on. So nothing is left out and nothing
comes twice. Without `updated_since` a search goes by id alone.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import msgspec
from msgspec import Struct

from mappings.http import VendorReply, VendorRequest
from mappings.hubspot.account import stages_reading
from mappings.hubspot.field_values import instant, milliseconds
from mappings.hubspot.requests import CrmObject
from mappings.hubspot.wire_v3 import EXTERNAL_ID, Account, Filter, FilterGroup, Records, Search
from mappings.spec import ListQuery, Page, decode

ID: Final = "hs_object_id"
Way = Literal["time", "ties", "ids"]
_WAYS: Final[dict[str, Way]] = {"time": "time", "ties": "ties", "ids": "ids"}
UNIQUE: Final[dict[str, str | None]] = {"email": "email", "external_id": EXTERNAL_ID, "number": None}
"""Filters that name at most one record, and the unique property to read it by (None: its id)."""


class Found(Struct, frozen=True, kw_only=True, rename="camel"):
    """Of a record, what paging needs."""

    id: str
    updated_at: datetime
    properties: dict[str, str | None] = {}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a search goes on. `time`: from `since` (epoch ms) on. `ties`: records of exactly `since`, above the id
    `above`. `ids`: all records above it. Those in `seen` were on an earlier page."""

    by: Way
    since: int = 0
    above: str = "0"
    seen: frozenset[str] = frozenset()

    def text(self) -> str:
        """As a cursor."""
        return f"{self.by}:{self.since}:{self.above}:{','.join(sorted(self.seen))}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """From a cursor. Raises ValueError where it is none of ours."""
        way, since, above, seen = text.split(":")
        by = _WAYS.get(way)
        if by is None:
            raise ValueError("not a place in a search")
        return cls(by=by, since=int(since), above=above, seen=frozenset(seen.split(",") if seen else ()))


def list_request(crm: CrmObject, query: ListQuery, account: Account) -> VendorRequest:
    """The request for one page. Raises ValueError for a cursor that did not come from `page`."""
    unique = _unique(query)
    if unique is not None:
        return crm.read_batch((query.filters[unique],), crm.properties(account), UNIQUE[unique])
    if not _is_search(query):
        return crm.list(query, account)
    place = _place(query)
    body = Search(
        filter_groups=(FilterGroup(filters=_filters(crm, place, query, account)),),
        sorts=(crm.modified if place.by == "time" else ID,),
        properties=crm.properties(account),
        limit=query.limit,
    )
    return crm.search(msgspec.json.encode(body))


def page(crm: CrmObject, reply: VendorReply, query: ListQuery, account: Account) -> Page[Account]:
    """The records of one answer and the cursor of the next. Raises VendorDrift where the answer has another shape."""
    answer = decode(reply.body, Records)
    if _unique(query) is not None:
        kept = tuple(record for record in answer.results if _matches(record, query, account))
        return Page(records=kept, next=None, account=account)
    following = answer.paging.next if answer.paging is not None else None
    if _is_search(query):
        return _search_page(crm, answer.results, _place(query), following is not None, account)
    return Page(records=answer.results, next=following.after if following is not None else None, account=account)


def is_plain(query: ListQuery) -> bool:
    """Whether HubSpot answers this query by its plain list, the only one that sends associations."""
    return _unique(query) is None and not _is_search(query)


def _unique(query: ListQuery) -> str | None:
    return next((name for name in UNIQUE if name in query.filters), None)


def _is_search(query: ListQuery) -> bool:
    return query.updated_since is not None or "status" in query.filters


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
    return tuple(filters)


def _status_filter(status: str, account: Account) -> Filter:
    stages = stages_reading(account, status)
    if not stages:  # no stage reads so, and neither does any record: ids begin at 1
        return Filter(property_name=ID, operator="EQ", value="0")
    return Filter(property_name="hs_pipeline_stage", operator="IN", values=stages)


def _search_page(
    crm: CrmObject, records: tuple[msgspec.Raw, ...], place: Place, more: bool, account: Account
) -> Page[Account]:
    found = [decode(record, Found) for record in records]
    fresh = tuple(record for record, one in zip(records, found, strict=True) if one.id not in place.seen)
    if place.by == "ties" and not more:
        return Page(records=fresh, next=Place(by="time", since=place.since + 1).text(), account=account)
    if not more or not found:
        return Page(records=fresh, next=None, account=account)
    if place.by != "time":
        place = Place(by=place.by, since=place.since, above=found[-1].id, seen=place.seen)
        return Page(records=fresh, next=place.text(), account=account)

    times = [_modified(crm, one) for one in found]
    last = times[-1]
    if times[0] == last:
        seen = place.seen if last == place.since else frozenset[str]()
        return Page(records=(), next=Place(by="ties", since=last, seen=seen).text(), account=account)
    seen = frozenset(one.id for one, time in zip(found, times, strict=True) if time == last)
    return Page(records=fresh, next=Place(by="time", since=last, seen=seen).text(), account=account)


def _modified(crm: CrmObject, one: Found) -> int:
    return milliseconds(instant(one.properties.get(crm.modified), crm.modified) or one.updated_at)


def _matches(record: msgspec.Raw, query: ListQuery, account: Account) -> bool:
    """Whether a record found by one unique key passes the other conditions too. The key itself is not judged again:
    a contact is found by its additional addresses as well."""
    found = decode(record, Found)
    asked = {name: value for name, value in query.filters.items() if name != _unique(query)}
    if query.updated_since is not None and found.updated_at < query.updated_since:
        return False
    if "external_id" in asked and found.properties.get(EXTERNAL_ID) != asked["external_id"]:
        return False
    if "number" in asked and found.id != asked["number"]:
        return False
    return "status" not in asked or found.properties.get("hs_pipeline_stage") in stages_reading(
        account, asked["status"]
    )
