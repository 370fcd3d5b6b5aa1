"""One record, or one page of them, from a vendor: ask, unwrap, complete with what lies beside, map."""

import asyncio
from typing import Any, Final

import msgspec

from app.errors import NotFound
from app.flows.locate import AnyMapping
from app.flows.refusals import problem_of_refusal
from app.flows.seam import Seam
from app.flows.understanding import Reading, fitting, understand
from app.ports import Connection, VendorRefused
from mappings.http import VendorReply, VendorRequest
from mappings.spec import ListQuery

# A page of long orders needs a read for each of them, people behind ids two; more than this means a loop.
MAX_SIDE_LOADS: Final = 16
COMMENT_PAGES: Final = 5


async def fetch_raw(
    seam: Seam, connection: Connection, mapping: AnyMapping, remote_id: str, deadline: float
) -> tuple[msgspec.Raw, Any]:
    """The vendor's own bytes of one record, and the account facts that its mapping needs.

    Raises NotFound, and the vendor's problems.
    """
    account = await seam.vendors.account(connection, deadline=deadline)
    assert mapping.endpoints.read is not None  # noqa: S101 - comments are read through their ticket
    reply = await ask(seam, connection, mapping.endpoints.read(remote_id, account), deadline)
    with fitting(seam, connection, mapping):
        raw, account = mapping.endpoints.record(reply, account)
    if raw is None:
        raise NotFound(f"{connection.vendor.title} has no {mapping.object} with the id {remote_id}.")
    return raw, await _side_load(seam, connection, mapping, (raw,), account, deadline)


async def fetch_record(
    seam: Seam, connection: Connection, mapping: AnyMapping, remote_id: str, deadline: float, *, pinned: bool = False
) -> Reading:
    """One record as we understand it; by this very revision where it is `pinned`. Raises like `fetch_raw`, and
    VendorDrifted."""
    raw, account = await fetch_raw(seam, connection, mapping, remote_id, deadline)
    return await understand(seam, connection, mapping, raw, account, remote_id=remote_id, pinned=pinned)


async def fetch_page(
    seam: Seam, connection: Connection, mapping: AnyMapping, query: ListQuery, deadline: float, *, pinned: bool = False
) -> tuple[list[Reading], str | None]:
    """Records of one page and the vendor's cursor of the next. Raises the vendor's problems, and VendorDrifted."""
    endpoints = mapping.endpoints
    account = await seam.vendors.account(connection, deadline=deadline)
    assert endpoints.list is not None and endpoints.page is not None  # noqa: S101, PT018 - judged by the caller
    reply = await ask(seam, connection, endpoints.list(query, account), deadline)
    with fitting(seam, connection, mapping):
        page = endpoints.page(reply, query, account)
    account = await _side_load(seam, connection, mapping, page.records, page.account, deadline)
    readings = []
    for raw in page.records:
        readings.append(await understand(seam, connection, mapping, raw, account, pinned=pinned))
        await asyncio.sleep(0)  # others have their turn between two records of a long page
    return readings, page.next


async def fetch_comment(
    seam: Seam, connection: Connection, mapping: AnyMapping, ticket: str, comment: str | None, deadline: float
) -> Reading | None:
    """A comment among the newest of its ticket, the very newest where none is named; None when it is not listed.

    Raises NotFound where there is no such ticket, and like `fetch_page`.
    """
    query = ListQuery(limit=mapping.endpoints.max_limit, parent=ticket, newest_first=True)
    for _ in range(COMMENT_PAGES):
        records, following = await fetch_page(seam, connection, mapping, query, deadline)
        found = next((record for record in records if comment in (None, record.mapped.remote.id)), None)
        if found is not None or following is None:
            return found
        query = msgspec.structs.replace(query, after=following)
    return None


async def ask(seam: Seam, connection: Connection, request: VendorRequest, deadline: float) -> VendorReply:
    """Send a read; a refusal becomes the caller's problem."""
    try:
        return await seam.vendors.send(connection, request, deadline=deadline)
    except VendorRefused as refused:
        raise problem_of_refusal(connection, refused) from refused


async def _side_load(
    seam: Seam,
    connection: Connection,
    mapping: AnyMapping,
    records: tuple[msgspec.Raw, ...],
    account: Any,
    deadline: float,
) -> Any:
    endpoints = mapping.endpoints
    if endpoints.side_load is None or endpoints.absorb is None or not records:
        return account
    for _ in range(MAX_SIDE_LOADS):
        request = endpoints.side_load(records, account)
        if request is None:
            break
        reply = await ask(seam, connection, request, deadline)
        with fitting(seam, connection, mapping):
            account = endpoints.absorb(reply, account)
    return account
