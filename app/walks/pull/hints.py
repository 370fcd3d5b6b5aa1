"""Read which records may have changed, at vendors that do not list changed records but name them (Stripe's events)."""

from app.records.deps import RecordDeps
from app.records.fetch import FetchedPage, send_read
from app.records.map_record import as_vendor_drift
from app.records.resolve import AnyMapping
from app.vendors.models import Connection
from mappings.spec import ListQuery


def names_changed(mapping: AnyMapping, query: ListQuery) -> bool:
    """Return whether hints answer the query: it is for changes, and the vendor does not list them."""
    endpoints = mapping.endpoints
    return query.updated_since is not None and not endpoints.updated_since and endpoints.hints is not None


async def fetch_hints(
    deps: RecordDeps, connection: Connection, mapping: AnyMapping, query: ListQuery, deadline: float
) -> FetchedPage:
    """Fetch one page of hints. It has no records, only ids of records that are to be read.

    Raises the vendor's problems, and VendorDrifted if the page cannot be read.
    """
    endpoints = mapping.endpoints
    assert endpoints.hints is not None and endpoints.hinted is not None  # noqa: S101, PT018 - checked by the caller
    assert query.updated_since is not None  # noqa: S101
    reply = await send_read(deps, connection, endpoints.hints(query.updated_since, query.after), deadline)
    with as_vendor_drift(deps, connection, mapping):
        page = endpoints.hinted(reply)
    return FetchedPage(readings=[], unreadable=[], next=page.next, hinted=page.remote_ids, created=page.created)
