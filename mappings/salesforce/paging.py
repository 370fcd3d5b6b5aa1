"""Lists that miss no record while others change.

Salesforce's own pages (`nextRecordsUrl`) have at least 200 records and expire. So a page is a query with a limit
that starts after the last record: by id, or by a time and id for a list of changes or a sorted one. A record that
changes meanwhile moves to the end of a list of changes and is listed again. Salesforce cuts replies with wide
records: then the next page follows `nextRecordsUrl`.
"""

import re
from typing import Final

from msgspec import Raw, Struct

from canonical.parts import Instant, ObjectName
from mappings.endpoints import ListQuery, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.kit.rest import get
from mappings.salesforce.field_values import is_id
from mappings.salesforce.requests import API, QUERY, Answer, query, with_custom_fields
from mappings.salesforce.search import SOBJECT, columns, moment, quoted
from mappings.salesforce.wire_v62 import Account
from mappings.spec import decode

_LOCATOR: Final = re.compile(r"(query|queryAll)/[A-Za-z0-9]{15,40}(-[0-9]{1,9})?")
_SINCE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
NEXT: Final = f"{QUERY}/{{locator}}"


class _Head(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    created_date: Instant | None = None
    system_modstamp: Instant | None = None


def list_request(
    object_name: ObjectName, conditions: tuple[str, ...], query_: ListQuery, account: Account
) -> VendorRequest:
    """Build the query for a page of the records that match all conditions. A list of changes includes deleted records.

    Raises ValueError for a cursor that did not come from `page`.
    """
    conditions = (*conditions, *_after(query_))
    if query_.after is not None and query_.after.startswith("more:"):
        return follow(query_.after.removeprefix("more:"))
    words = ["SELECT", columns(object_name, account), "FROM", SOBJECT[object_name]]
    if conditions:
        words += ["WHERE", " AND ".join(conditions)]
    time, way = _time_of(query_), " DESC" if query_.descending else ""
    words += ["ORDER BY", "Id" if time is None else f"{time}{way}, Id{way}", "LIMIT", str(query_.limit)]
    return query(" ".join(words), deleted_too=query_.updated_since is not None)


def page(object_name: ObjectName, reply: VendorReply, query_: ListQuery, account: Account) -> VendorPage[Account]:
    """Return the records of a page and the next cursor. Raises VendorDrift for another shape."""
    answer = decode(reply.body, Answer)
    account = with_custom_fields(object_name, answer.records, account)
    return VendorPage(records=answer.records, next=_next(answer, query_), account=account)


def follow(locator: str) -> VendorRequest:
    """Build the request for the next records of a reply. Raises ValueError for a foreign locator."""
    if not _LOCATOR.fullmatch(locator):
        raise ValueError("not a cursor of this list")
    return get(f"{API}/{locator}", route=NEXT)


def locator_of(url: str) -> str | None:
    """Return the locator in a `nextRecordsUrl`, which `follow` takes."""
    match = _LOCATOR.search(url)
    return None if match is None else match[0]


def _time_of(query_: ListQuery) -> str | None:
    """Return the field that a list is ordered by before the id, None for a list by id."""
    if query_.by_change:
        return "SystemModstamp"
    return None if query_.sort is None else "CreatedDate"


def _after(query_: ListQuery) -> tuple[str, ...]:
    if query_.after is None or query_.after.startswith("more:"):
        return () if query_.updated_since is None else (f"SystemModstamp >= {moment(query_.updated_since)}",)
    order, _, place = query_.after.partition(":")
    time, sign = _time_of(query_), "<" if query_.descending else ">"
    if order == "id" and time is None and is_id(place):
        return (f"Id > {quoted(place)}",)
    since, _, id = place.rpartition("/")
    if order == "at" and time is not None and _SINCE.fullmatch(since) and is_id(id):
        return (f"({time} {sign} {since} OR ({time} = {since} AND Id {sign} {quoted(id)}))",)
    raise ValueError("not a cursor of this list")


def _next(answer: Answer, query_: ListQuery) -> str | None:
    if not answer.done and answer.next_records_url is not None:
        locator = locator_of(answer.next_records_url)
        if locator is not None:
            return f"more:{locator}"
    is_rest = query_.after is not None and query_.after.startswith("more:")
    if not answer.records or (answer.done and len(answer.records) < query_.limit and not is_rest):
        return None
    return _behind(answer.records[-1], _time_of(query_))


def _behind(record: Raw, time: str | None) -> str:
    last = decode(record, _Head)
    at = None if time is None else last.created_date if time == "CreatedDate" else last.system_modstamp
    return f"id:{last.id}" if at is None else f"at:{moment(at)}/{last.id}"
