"""What a request handler may reach: put together once by `wiring`, kept on the application's state."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from litestar import Request

from app.http.callers import Keys
from app.http.cursors import Cursors
from app.http.rate_limit import Budgets
from app.operator_seam import OperatorSeam
from app.seam import Seam
from app.webhooks.receive import Receiving
from app.writes.write import Writers


@dataclass(frozen=True, kw_only=True)
class Services:
    """The flows' seams and what only the edge needs. `readiness` gives the reasons not to serve, none when ready, and
    the age in seconds of the worker's last heartbeat (None: never seen); `trace_url` is where a trace is shown."""

    seam: Seam
    operators: OperatorSeam
    cursors: Cursors
    writers: Writers
    receiving: Receiving
    keys: Keys
    budgets: Budgets
    trace_url: str
    readiness: Callable[[], Awaitable[tuple[tuple[str, ...], float | None]]]
    collect: Callable[[], Awaitable[None]]


def services_of(request: Request[Any, Any, Any]) -> Services:
    """The services of the application that handles this request."""
    services: Services = request.app.state.services
    return services
