"""Connections with the freshness of their data, as the console and the command line show them."""

from msgspec.structs import asdict

from app.vendors.connections import ConnectionView, list_connections, read_connection
from app.vendors.deps import VendorDeps
from app.walks.deps import FreshnessView
from app.walks.pull.freshness import ObjectFreshness, list_freshness


class ConnectionStatus(ConnectionView, frozen=True, kw_only=True):
    """A connection as operators see it, with the freshness of its data."""

    freshness: list[ObjectFreshness]
    """How old the data of each object are that is pulled, or has a limit."""

    @property
    def works(self) -> bool:
        """Return whether nothing holds back its requests."""
        return self.state == "working"


async def list_statuses(vendors: VendorDeps, freshness: FreshnessView) -> list[ConnectionStatus]:
    """Return every connection, by name. Raises StoreUnavailable."""
    return await _statuses(freshness, await list_connections(vendors))


async def read_status(vendors: VendorDeps, freshness: FreshnessView, name: str) -> ConnectionStatus:
    """Return one connection. Raises NotFound."""
    return (await _statuses(freshness, [await read_connection(vendors, name)]))[0]


async def _statuses(freshness: FreshnessView, views: list[ConnectionView]) -> list[ConnectionStatus]:
    rows = await list_freshness(freshness)
    return [
        ConnectionStatus(**asdict(view), freshness=[row for row in rows if row.connection == view.name])
        for view in views
    ]
