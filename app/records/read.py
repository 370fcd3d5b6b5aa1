"""Read one resource, or one page of a live list, directly from the system that holds it."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from app.errors import VendorDrifted
from app.http.cursors import SealedCursors
from app.http.headers import NamedRevision
from app.http.paging import Page
from app.records.complete_references import complete_references
from app.records.deps import RecordDeps
from app.records.fetch import READ_LIMIT, FetchedPage, UnreadableRecord, fetch_page, fetch_present, unreadable_of
from app.records.filters import refuse_unsupported, resolve_person
from app.records.key_matches import match_keys
from app.records.last_seen import Tolerance, read_export, read_tolerantly
from app.records.map_record import Reading, refuse_rejected_drift
from app.records.resolve import cannot, choose_connection, choose_mapping, locate_record, resolve_record
from app.records.resources import ReadRecord, follow_merge, name_records, tagged
from app.vendors.models import Connection
from canonical.parts import ObjectName
from mappings.endpoints import ListQuery, Sort
from mappings.registry import AnyMapping


class RecordPage(Page, frozen=True, kw_only=True):
    """The list envelope of live records. Unmappable records are listed in `unreadable` and block nothing."""

    unreadable: Sequence[UnreadableRecord]


class ListRequest(Struct, frozen=True, kw_only=True):
    """A request for a page. `filters` are exact, with `customer` and `requester` as the caller sent them. `parent` is
    the ticket's `{id}` for comments.

    `revision` maps the records, if the caller names one. `wait` is how many seconds the caller waits.
    """

    object: ObjectName
    connection: str | None = None
    limit: int = 50
    cursor: str | None = None
    updated_since: datetime | None = None
    filters: Mapping[str, str] = {}
    sort: Sort | None = None
    parent: str | None = None
    revision: NamedRevision | None = None
    wait: float | None = None


async def read_one(
    deps: RecordDeps,
    object_name: ObjectName,
    identifier: str,
    *,
    connection: str | None,
    include: tuple[str, ...] = (),
    revision: NamedRevision | None = None,
    wait: float | None = None,
    tolerance: Tolerance | None = None,
) -> ReadRecord:
    """Read the resource of `{id}`, by `revision` and within `wait` seconds if given. `include` may add the vendor's
    payload (`raw`), who owns each field (`owners`), and the names and addresses that take further reads
    (`references`). With a `tolerance` the last-seen state may stand in for the read, without an entity tag. Of an
    export it always does."""
    deadline = time.monotonic() + (READ_LIMIT if wait is None else wait)
    target = await locate_record(deps, object_name, identifier, connection)
    layout = target.connection.layout
    if layout is not None and layout.object == object_name:
        return await read_export(deps, target.connection, layout, target.remote_id)
    mapping = choose_mapping(deps, target.connection, object_name, revision)
    if tolerance is None:
        return await _read_live(deps, target.connection, mapping, target.remote_id, include, deadline)
    return await read_tolerantly(
        *(deps, target.connection, mapping, target.remote_id, tolerance),
        partial(_read_live, deps, target.connection, mapping, target.remote_id, include, deadline),
    )


async def _read_live(
    deps: RecordDeps,
    connection: Connection,
    mapping: AnyMapping,
    remote_id: str,
    include: tuple[str, ...],
    deadline: float,
) -> ReadRecord:
    reading = await fetch_present(deps, connection, mapping, remote_id, deadline)
    await refuse_rejected_drift(deps, connection, reading)
    if reading.mapped.remote.id != remote_id:
        await follow_merge(deps, connection, mapping.object, remote_id, reading.mapped.remote.id)
    if "references" in include:
        reading = await complete_references(deps, connection, reading, deadline)
    resource: Any
    (resource,) = await name_records(deps, connection, [reading])
    if "raw" in include:
        raw = {} if reading.whole is not None else msgspec.json.decode(reading.raw)
        resource = msgspec.structs.replace(resource, raw=raw)
    if "owners" in include:
        owners = dict(deps.ownership[mapping.object].fields)
        resource = msgspec.structs.replace(resource, meta=msgspec.structs.replace(resource.meta, owners=owners))
    return msgspec.structs.replace(tagged(resource), is_withheld=reading.whole is not None)


async def read_page(deps: RecordDeps, cursors: SealedCursors, request: ListRequest) -> RecordPage:
    """Read one page. It may hold fewer than `limit` resources while `has_more` is true.

    Raises InvalidField for an unusable filter or cursor, and UnsupportedAction if the connection cannot list such
    objects.
    """
    deadline = time.monotonic() + (READ_LIMIT if request.wait is None else request.wait)
    parent_id: str | None = None
    if request.parent is not None:
        ticket = await resolve_record(deps, "ticket", request.parent, request.connection)
        connection, parent_id = ticket.connection, ticket.remote_id
    else:
        connection = choose_connection(deps, request.object, request.connection)
    mapping = choose_mapping(deps, connection, request.object, request.revision)
    endpoints = mapping.endpoints
    if endpoints.list is None or endpoints.page is None:
        raise cannot(deps, connection, request.object, f"cannot list {request.object}s")
    since = request.updated_since
    refuse_unsupported(deps, connection, mapping, request.filters, updated_since=since is not None, sort=request.sort)
    listed = request.filters if request.sort is None else {**request.filters, "sort": request.sort}
    scope = cursors.scope(connection.name, mapping.name, since, listed, parent_id)
    filters = await resolve_person(deps, connection, mapping, request.filters, deadline)
    if filters is None:
        return RecordPage(data=(), next_cursor=None, has_more=False, unreadable=())
    query = ListQuery(
        limit=min(request.limit, endpoints.max_limit),
        after=None if request.cursor is None else cursors.open(request.cursor, scope),
        updated_since=since,
        filters=filters,
        sort=request.sort if since is None else None,
        parent=parent_id,
    )
    page = await fetch_page(deps, connection, mapping, query, deadline)
    compared = await match_keys(deps, connection, page.readings, filters, deadline)
    # A customer whose address is another one may be another person; a ticket has further people that are not read.
    kept = compared.equal if request.object == "customer" else compared.equal + compared.unsure
    places = {one.mapped.remote.id: place for place, one in enumerate(page.readings)}
    kept.sort(key=lambda one: places[one.mapped.remote.id])
    page = msgspec.structs.replace(page, readings=kept)
    readings, unreadable = await without_rejected(deps, connection, page)
    return RecordPage(
        data=await name_records(deps, connection, readings, ticket=parent_id),
        next_cursor=None if page.next is None else cursors.seal(page.next, scope),
        has_more=page.next is not None,
        unreadable=unreadable,
    )


async def without_rejected(
    deps: RecordDeps, connection: Connection, page: FetchedPage
) -> tuple[list[Reading], list[UnreadableRecord]]:
    """Return the readings that the drift rules accept. The others become unreadable records."""
    accepted: list[Reading] = []
    unreadable = [*page.unreadable]
    for reading in page.readings:
        try:
            await refuse_rejected_drift(deps, connection, reading)
        except VendorDrifted as drifted:
            unreadable.append(unreadable_of(connection, reading.raw, drifted))
        else:
            accepted.append(reading)
    return accepted, unreadable
