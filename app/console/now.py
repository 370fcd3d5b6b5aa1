"""Now: what is broken, and since when."""

from typing import Final

from app.console.pages import HOME, View, Visit, page
from app.monitoring.deps import MonitoringDeps
from app.monitoring.present import read_present
from app.vendors.connections import list_connections
from app.vendors.deps import VendorDeps
from app.walks.deps import FreshnessDeps
from app.walks.pull.freshness import list_freshness

LATE_WORKER_SECONDS: Final = 30.0


@page(HOME)
async def now(visit: Visit) -> View:
    """Show the alarms first, then what is not as it should be. The page refreshes itself."""
    present = await read_present(visit.deps(MonitoringDeps))
    connections = await list_connections(visit.deps(VendorDeps))
    freshness = await list_freshness(visit.deps(FreshnessDeps))
    return View(
        "now.html",
        present=present,
        worker_late=present.worker_seconds is None or present.worker_seconds > LATE_WORKER_SECONDS,
        troubled=[one for one in connections if one.state != "working" or one.throttled_since],
        working=[one for one in connections if one.state == "working" and not one.throttled_since],
        freshness=freshness,
    )
