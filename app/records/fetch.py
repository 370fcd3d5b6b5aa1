"""Fetch one record or one page from a vendor: request, unwrap, load related records, map."""

import asyncio
import re
import time
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.errors import Erased, NotFound, UnsupportedAction, VendorDrifted, VendorRejected
from app.http.decode_body import pointer_of
from app.records.deps import RecordDeps
from app.records.known_records import ListedRecord, know_again
from app.records.map_record import Reading, as_vendor_drift, map_record
from app.records.refusals import problem_of_refusal
from app.vendors.models import Connection, VendorRefused
from mappings.endpoints import Endpoints, ListQuery, VendorPage
from mappings.http import VendorReply, VendorRequest
from mappings.registry import AnyMapping
from mappings.spec import Unmappable

READ_LIMIT: Final = 25.0
"""Seconds that a read may take, with retries and waiting for the vendor's budget, unless the caller says."""

# A record needs a few reads, a page as many for each of its records; more than this means a loop.
MAX_SIDE_LOADS: Final = 16
POISON: Final = "it ended its worker: see its dead letter"
SIDE_LOAD_SHARE: Final = 0.7
"""How much of the time that is left may complete the records of a page. Then the rest stays incomplete."""
YOUNG_FACTS: Final = 10.0
"""Seconds. Account facts that are younger are not fetched again after a rejected read, which may be wrong itself."""
TURN_SECONDS: Final = 0.001
"""How long the records of a page are mapped before others have their turn."""
COMMENT_PAGES: Final = 5
MOST_MERGES: Final = 5
# A list by time starts over by id at a time that fills a page, and a list by offset where its rows have moved.
MOST_EMPTY_PAGES: Final = 3
RESOLUTION: Final = timedelta(seconds=1)
NO_DIFFERENCE: Final = timedelta()


class UnreadableRecord(Struct, frozen=True, kw_only=True):
    """A record of a list that cannot be mapped. `pointer` is the place in the vendor's record; `detail` names a type or
    field, never a value."""

    remote_id: str | None
    """The record's id at the vendor, if it could be read. Example: `"1051"`"""
    pointer: str
    """JSON Pointer to the place in the vendor's record. Example: `"/properties/email"`"""
    detail: str
    """What does not match. Never contains a value. Example: `"Expected `str`, got `int`"`"""


class FetchedPage(Struct, frozen=True, kw_only=True):
    """The mapped and unmappable records of one page, and the vendor's cursor of the next page. A page of hints has only
    the ids of records that may have changed (`hinted`), of which some were `created`. `known` is the number of records
    that were not mapped, because they are known to be unchanged. `clock_ahead`: how far the vendor's clock is ahead."""

    readings: list[Reading]
    unreadable: list[UnreadableRecord]
    next: str | None
    hinted: tuple[str, ...] = ()
    created: frozenset[str] = frozenset()
    known: int = 0
    clock_ahead: timedelta = NO_DIFFERENCE

    @property
    def is_known(self) -> bool:
        """Whether all records are known to be unchanged, of which there are some."""
        return bool(self.known) and not (self.readings or self.unreadable or self.hinted)


async def fetch_raw(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    remote_id: str,
    deadline: float,
    *,
    customers: tuple[msgspec.Raw, ...] = (),
) -> tuple[msgspec.Raw, Any]:
    """Return the vendor's bytes of one record, and the account facts for its mapping. `met` are customers that were
    read just before.

    Raises NotFound, and the vendor's problems.
    """
    account = await deps.vendors.account(connection, deadline=deadline, object_name=mapping.object)
    assert mapping.endpoints.read is not None  # noqa: S101 - comments are read through their ticket
    build = partial(mapping.endpoints.read, remote_id)
    request = build(account)
    try:
        reply = await send_read(deps, connection, request, deadline)
    except VendorRejected as rejected:
        reply, account = await _send_renewed(deps, connection, mapping, build, request, rejected, deadline)
    with as_vendor_drift(deps, connection, mapping):
        raw, account = mapping.endpoints.record(reply, account)
        if customers and mapping.endpoints.with_customers is not None:
            account = mapping.endpoints.with_customers(customers, account)
    if raw is None:
        raise NotFound(f"{connection.vendor.title} has no {mapping.object} with the id {remote_id}.")
    if mapping.endpoints.side_load is not None:
        account, _ = await _side_load(deps, connection, mapping, (raw,), account, deadline, until=deadline)
    return raw, account


async def fetch_record(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    remote_id: str,
    deadline: float,
    *,
    customers: tuple[msgspec.Raw, ...] = (),
) -> Reading:
    """Fetch and map one record. `met` is as for `fetch_raw`. Raises like it, and VendorDrifted."""
    raw, account = await fetch_raw(deps, connection, mapping, remote_id, deadline, customers=customers)
    return await map_record(deps, connection, mapping, raw, account)


async def fetch_present(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, remote_id: str, deadline: float
) -> Reading:
    """Fetch a record like `fetch_record`. If the vendor merged it, return the record that it became."""
    for _ in range(MOST_MERGES):
        try:
            return await fetch_record(deps, connection, mapping, remote_id, deadline)
        except NotFound:
            into = await _merged_into(deps, connection, mapping, remote_id, deadline)
            if into is None:
                raise
            remote_id = into
    return await fetch_record(deps, connection, mapping, remote_id, deadline)


async def _merged_into(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, remote_id: str, deadline: float
) -> str | None:
    endpoints = mapping.endpoints
    if endpoints.merged is None or endpoints.merged_into is None:
        return None
    account = await deps.vendors.account(connection, deadline=deadline, object_name=mapping.object)
    reply = await send_read(deps, connection, endpoints.merged(remote_id, account), deadline)
    with as_vendor_drift(deps, connection, mapping):
        return endpoints.merged_into(reply)


async def fetch_page(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    query: ListQuery,
    deadline: float,
    *,
    skips_known: bool = False,
    poison: Collection[str] = (),
) -> FetchedPage:
    """Fetch one page. A record of it is what `fetch_record` returns, or it is not `is_complete`: time is short, or the
    vendor's lists omit members. With `skips_known`, records that are known by the vendor's bytes are left out. Records
    with an id in `poison` are not mapped: they are unreadable.

    Raises the vendor's problems, and VendorDrifted if the page itself cannot be read.
    """
    endpoints = mapping.endpoints
    page, ahead = await _read_page(deps, connection, mapping, query, deadline)
    now = time.monotonic()
    until = now + SIDE_LOAD_SHARE * (deadline - now)
    account, is_done = await _side_load(deps, connection, mapping, page.records, page.account, deadline, until=until)
    readings: list[Reading] = []
    unreadable: list[UnreadableRecord] = []
    if skips_known and is_done and endpoints.list_is_whole:
        records = await know_again(deps, connection, mapping, page.records, account)
    else:
        records = [ListedRecord(raw) for raw in page.records]
    for raw, source, is_known in records:
        if poison and (remote_id := _id_of(connection, raw)) in poison:
            unreadable.append(UnreadableRecord(remote_id=remote_id, pointer="", detail=POISON))
            continue
        sampled = is_known and deps.drift.samples(connection.name, mapping, raw)
        if is_known and not sampled:
            continue
        try:
            reading = await map_record(
                deps, connection, mapping, raw, account, listed=True, sampled=sampled, ticket=query.parent
            )
            if is_known:
                continue
            if not (endpoints.list_is_whole and (is_done or _needs_none(endpoints, raw, page.account))):
                reading = msgspec.structs.replace(reading, is_complete=False)
            readings.append(reading if source is None else msgspec.structs.replace(reading, source=source))
        except Erased:
            continue
        except VendorDrifted as drifted:
            unreadable.append(unreadable_of(connection, raw, drifted))
        if time.monotonic() - now > TURN_SECONDS:
            await asyncio.sleep(0)  # yield to other requests between the records of a long page
            now = time.monotonic()
    known = len(records) - len(readings) - len(unreadable)
    return FetchedPage(readings=readings, unreadable=unreadable, next=page.next, known=known, clock_ahead=ahead)


async def fetch_ids(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    query: ListQuery,
    deadline: float,
    *,
    poison: Collection[str] = (),
) -> FetchedPage:
    """Fetch one page, and only name its records, which are `hinted`. `poison`, and raises, like `fetch_page`."""
    page, ahead = await _read_page(deps, connection, mapping, query, deadline)
    ids = dict.fromkeys(_id_of(connection, raw) for raw in page.records)
    unreadable = [
        UnreadableRecord(remote_id=one, pointer="", detail="its id cannot be read" if one is None else POISON)
        for one in ids
        if one is None or one in poison
    ]
    hinted = tuple(one for one in ids if one is not None and one not in poison)
    return FetchedPage(readings=[], unreadable=unreadable, next=page.next, hinted=hinted, clock_ahead=ahead)


async def _read_page(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, query: ListQuery, deadline: float
) -> tuple[VendorPage[Any], timedelta]:
    """Return the vendor's records of a page, and how far the vendor's clock is ahead."""
    endpoints = mapping.endpoints
    account = await deps.vendors.account(connection, deadline=deadline, object_name=mapping.object)
    assert endpoints.list is not None and endpoints.page is not None  # noqa: S101, PT018 - checked by the caller
    for _ in range(MOST_EMPTY_PAGES):
        build = partial(endpoints.list, query)
        request = build(account)
        sent_at = datetime.now(UTC)
        try:
            reply = await send_read(deps, connection, request, deadline)
        except VendorRejected as rejected:
            reply, account = await _send_renewed(deps, connection, mapping, build, request, rejected, deadline)
        ahead = clock_ahead(reply, sent_at)
        with as_vendor_drift(deps, connection, mapping):
            page = endpoints.page(reply, query, account)
        if page.records or page.next is None:
            break
        query = msgspec.structs.replace(query, after=page.next)
    return page, ahead


def _needs_none(endpoints: Endpoints[Any, Any], raw: msgspec.Raw, account: Any) -> bool:
    """Return whether no further read completes this record. `account` are the facts without side loads."""
    return endpoints.side_load is None or endpoints.side_load((raw,), account) is None


def unreadable_of(connection: Connection, raw: msgspec.Raw, drifted: VendorDrifted) -> UnreadableRecord:
    """Return the list entry of an unmappable record: its id if it can be found, the place and the reason."""
    cause = drifted.__cause__
    why = cause if isinstance(cause, Unmappable) else Unmappable("$", drifted.detail)
    return UnreadableRecord(remote_id=_id_of(connection, raw), pointer=pointer_of(why.place), detail=why.reason)


def _id_of(connection: Connection, raw: msgspec.Raw) -> str | None:
    """Return the record's `id`, or the end of a global one, if it has the form of this vendor's ids."""
    try:
        members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        sent = next((value for name, value in members.items() if name.lower() == "id"), msgspec.Raw(b"null"))
        text = str(msgspec.json.decode(sent, type=str | int)).rpartition("/")[2]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    remote_id = connection.vendor.remote_id_form(text)
    return remote_id if re.fullmatch(connection.vendor.remote_id, remote_id) else None


async def fetch_comment(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, ticket: str, comment: str | None, deadline: float
) -> Reading | None:
    """Find a comment among the newest of its ticket; `comment` None is the newest one. None if it is not listed.

    Raises NotFound for an unknown ticket, and like `fetch_page`.
    """
    query = ListQuery(limit=mapping.endpoints.max_limit, parent=ticket, newest_first=True)
    for _ in range(COMMENT_PAGES):
        page = await fetch_page(deps, connection, mapping, query, deadline)
        match = next((one for one in page.readings if comment in (None, one.mapped.remote.id)), None)
        if match is not None or page.next is None:
            return match
        query = msgspec.structs.replace(query, after=page.next)
    return None


async def _send_renewed(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    build: Callable[[Any], VendorRequest],
    request: VendorRequest,
    rejected: VendorRejected,
    deadline: float,
) -> tuple[VendorReply, Any]:
    """Send a rejected read again if newer account facts build another one: a field may have been hidden since. Return
    the reply and the facts. Raises the vendor's problems; `rejected` if nothing changed."""
    account = await deps.vendors.account(connection, deadline=deadline, object_name=mapping.object, max_age=YOUNG_FACTS)
    renewed = build(account)
    if renewed == request:
        raise rejected
    return await send_read(deps, connection, renewed, deadline), account


async def send_read(deps: RecordDeps, connection: Connection, request: VendorRequest, deadline: float) -> VendorReply:
    """Send a read. A refusal raises its Problem."""
    try:
        return await deps.vendors.send(connection, request, deadline=deadline)
    except VendorRefused as refused:
        raise problem_of_refusal(connection, refused) from refused


async def _side_load(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    records: tuple[msgspec.Raw, ...],
    account: Any,
    deadline: float,
    *,
    until: float,
) -> tuple[Any, bool]:
    """Return the account facts with what completes the records, and whether that is all. No read begins after
    `until`."""
    endpoints = mapping.endpoints
    if endpoints.side_load is None or endpoints.absorb is None or not records:
        return account, True
    for _ in range(MAX_SIDE_LOADS * len(records)):
        request = endpoints.side_load(records, account)
        if request is None:
            return account, True
        if time.monotonic() > until:
            break
        try:
            reply = await send_read(deps, connection, request, deadline)
        except (VendorRejected, UnsupportedAction):
            left = endpoints.do_without(request, account)
            if left is None:
                raise
            account = left
            continue
        with as_vendor_drift(deps, connection, mapping):
            account = endpoints.absorb(reply, account)
    return account, endpoints.side_load(records, account) is None


def clock_ahead(reply: VendorReply, sent_at: datetime) -> timedelta:
    """Return how far the vendor's clock is ahead of ours, as its reply shows it; negative if it is behind.

    `Date` has whole seconds, and is of a moment between `sent_at` and now: the least difference that explains it is
    returned, so zero for clocks that agree. Without a `Date` it is zero too.
    """
    try:
        date = parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError, OverflowError):
        return NO_DIFFERENCE
    if date.tzinfo is None:
        return NO_DIFFERENCE
    least, most = date - datetime.now(UTC), date + RESOLUTION - sent_at
    return max(least, min(most, NO_DIFFERENCE))
