"""Read a page of stock levels from a vendor, keep it, and publish what became low."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from app.errors import VendorDrifted
from app.events.models import NewEvent
from app.events.types import STOCK_LOW
from app.identifiers import new_run_id
from app.records.deps import RecordDeps
from app.records.fetch import send_read
from app.vendors.models import Connection
from mappings.spec import VendorDrift
from mappings.stock import StockLevel, StockPage, StockReads


async def fetch_levels(
    deps: RecordDeps, connection: Connection, reads: StockReads, *, after: str | None, limit: int, deadline: float
) -> StockPage:
    """Fetch a page, with the connection's threshold for items for which the vendor has none.

    Raises the vendor's problems, and VendorDrifted if the page cannot be read.
    """
    limit = min(limit, reads.max_limit)
    reply = await send_read(deps, connection, reads.request(after, limit), deadline)
    try:
        page = reads.page(reply, after, limit)
    except VendorDrift as drift:
        raise VendorDrifted(f"{connection.vendor.title}: {drift}") from drift
    threshold = None if connection.stock is None else connection.stock.threshold
    levels = tuple(one if one.threshold is not None else replace(one, threshold=threshold) for one in page.levels)
    return replace(page, levels=levels)


def events_of(connection: str, low: Sequence[StockLevel], *, origin: str) -> list[NewEvent]:
    """Return the Event of each item that became low."""
    return [
        NewEvent(
            type=STOCK_LOW,
            connection=connection,
            data=msgspec.json.encode({"connection": connection, **msgspec.to_builtins(one)}),
            record=f"stock_level:{one.remote_id}",
            occurred_at=one.updated_at,
            origin=origin,
            correlation_id=new_run_id(),
        )
        for one in low
    ]
