"""Now: what is broken, and since when."""

from typing import Final

from app.console.pages import HOME, View, Visit, page
from app.monitoring.deps import MonitoringDeps
from app.monitoring.present import read_present
from app.vendors.deps import VendorDeps
from app.walks.deps import FreshnessDeps
from app.walks.pull.freshness import list_statuses

LATE_WORKER_SECONDS: Final = 30.0


@page(HOME)
async def now(visit: Visit) -> View:
    """Show the alarms first, then what is not as it should be. The page refreshes itself."""
    present = await read_present(visit.deps(MonitoringDeps))
    connections = await list_statuses(visit.deps(VendorDeps), visit.deps(FreshnessDeps))
    return View(
        "now.html",
        present=present,
        worker_late=present.worker_seconds is None or present.worker_seconds > LATE_WORKER_SECONDS,
        troubled=[one for one in connections if not one.works],
        working=[one for one in connections if one.works],
        freshness=[row for one in connections for row in one.freshness],
    )
