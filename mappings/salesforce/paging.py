"""Lists: pages of any size, that miss nothing while others change records.

Salesforce's own pages (`nextRecordsUrl`) hold at least 200 records, more than a caller may want at once, and their
place is kept at Salesforce for a time. So a page is a query with a limit that begins after the last record of the page
before: by id, or by `SystemModstamp` and id where changes are asked for, since a record that changes meanwhile moves
to the end and is seen again. An answer that Salesforce itself cut short, as it does with wide records, is followed by
its `nextRecordsUrl`, and the list goes on from there.
"""

import re
from datetime import datetime
from typing import Final

from msgspec import Raw, Struct

from canonical.parts import Instant, ObjectName
from mappings.http import VendorReply, VendorRequest
from mappings.salesforce.field_values import is_id
from mappings.salesforce.requests import API, QUERY, Answer, holding, query
from mappings.salesforce.search import SOBJECT, columns, moment, quoted
from mappings.salesforce.wire_v62 import Account
from mappings.spec import ListQuery, Page, decode

_LOCATOR: Final = re.compile(r"(query|queryAll)/[A-Za-z0-9]{15,40}(-[0-9]{1,9})?")
_SINCE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
NEXT: Final = f"{QUERY}/{{locator}}"


class _Place(Struct, frozen=True, kw_only=True, rename="pascal"):
    id: str
    system_modstamp: Instant | None = None


def list_request(
    object_name: ObjectName, conditions: tuple[str, ...], query_: ListQuery, account: Account
) -> VendorRequest:
    """The request for one page of what fulfils all conditions; changes since a time hold deleted records too.

    Raises ValueError for a cursor that did not come from `page`.
    """
    changes = query_.updated_since is not None
    conditions = (*conditions, *_after(query_))
    if query_.after is not None and query_.after.startswith("more:"):
        return follow(query_.after.removeprefix("more:"))
    words = ["SELECT", columns(object_name, account), "FROM", SOBJECT[object_name]]
    if conditions:
        words += ["WHERE", " AND ".join(conditions)]
    words += ["ORDER BY", "SystemModstamp, Id" if changes else "Id", "LIMIT", str(query_.limit)]
    return query(" ".join(words), deleted_too=changes)


def page(object_name: ObjectName, reply: VendorReply, query_: ListQuery, account: Account) -> Page[Account]:
    """The records of one answer and the cursor of the next. Raises VendorDrift where the answer has another shape."""
    answer = decode(reply.body, Answer)
    known = holding(object_name, answer.records, account)
    return Page(records=answer.records, next=_next(answer, query_), account=known)


def follow(locator: str) -> VendorRequest:
    """The rest of an answer. Raises ValueError where that is no place in one."""
    if not _LOCATOR.fullmatch(locator):
        raise ValueError("not a place in an answer")
    return VendorRequest(method="GET", path=f"{API}/{locator}", route=NEXT)


def locator_of(url: str) -> str | None:
    """What `follow` takes, out of a `nextRecordsUrl`, which names a version of the API itself."""
    found = _LOCATOR.search(url)
    return None if found is None else found[0]


def _after(query_: ListQuery) -> tuple[str, ...]:
    if query_.after is None or query_.after.startswith("more:"):
        return () if query_.updated_since is None else (f"SystemModstamp >= {moment(query_.updated_since)}",)
    kind, _, place = query_.after.partition(":")
    if kind == "id" and query_.updated_since is None and is_id(place):
        return (f"Id > {quoted(place)}",)
    since, _, id = place.rpartition("/")
    if kind == "at" and query_.updated_since is not None and _SINCE.fullmatch(since) and is_id(id):
        return (f"(SystemModstamp > {since} OR (SystemModstamp = {since} AND Id > {quoted(id)}))",)
    raise ValueError("not a place in this list")


def _next(answer: Answer, query_: ListQuery) -> str | None:
    if not answer.done and answer.next_records_url is not None:
        locator = locator_of(answer.next_records_url)
        if locator is not None:
            return f"more:{locator}"
    followed = query_.after is not None and query_.after.startswith("more:")
    if not answer.records or (answer.done and len(answer.records) < query_.limit and not followed):
        return None
    return _behind(answer.records[-1], query_.updated_since)


def _behind(record: Raw, updated_since: datetime | None) -> str:
    last = decode(record, _Place)
    if updated_since is None or last.system_modstamp is None:
        return f"id:{last.id}"
    return f"at:{moment(last.system_modstamp)}/{last.id}"
