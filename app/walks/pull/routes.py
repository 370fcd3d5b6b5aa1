"""HTTP operations of walks."""

from app.http.operation import Call, Listing, operation
from app.http.paging import Page, whole_list
from app.walks.deps import FreshnessDeps
from app.walks.pull.freshness import ObjectFreshness, list_freshness


@operation(
    "GET",
    "/ops/freshness",
    tag="Operators",
    scopes=("ops:read",),
    answer=Listing(item=ObjectFreshness, meaning="Every object that is pulled or has a limit."),
)
async def read_freshness(call: Call) -> Page:
    """List how old the data of each connection are.

    For each object that is pulled: the time since the start of the last pull that completed, against
    `freshness_seconds` of its owner in `lockstitch.toml`. Sorted by connection.
    """
    return whole_list(await list_freshness(call.deps(FreshnessDeps)))
