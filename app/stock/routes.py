"""HTTP operations of stock levels."""

from collections.abc import Sequence
from typing import Final

from app.errors import InvalidField, UnsupportedAction
from app.http.cursors import LONGEST, SealedCursors
from app.http.deps import HttpDeps
from app.http.operation import Call, operation
from app.http.parameters import LIMIT, boolean, cursor, text
from app.stock.store import PostgresStock, StockLevelView, StockList
from app.vendors.models import Connections

CONNECTION: Final = text("connection", "Only this connection. If absent, all whose stock is read.", "shopify")
SKU: Final = text("sku", "Only items with exactly this SKU.", "SHIRT-M")
LOW: Final = boolean("low", "`true` lists only items at or below their threshold.")
CURSOR: Final = cursor(longest=LONGEST)
SETTING: Final = "Add the table [connections.<name>.stock] to lockstitch.toml, and restart."
BETWEEN: Final = "\0"


@operation(
    "GET",
    "/v1/stock_levels",
    tag="Stock",
    scopes=("orders:read",),
    query=(SKU, CONNECTION, LOW, LIMIT, CURSOR),
    problems=("unsupported-action",),
)
async def list_stock_levels(call: Call) -> StockList:
    """List stock levels.

    How many of each item can be sold at each location, as the last pull has read it: `as_of` says when. Items whose
    stock the vendor does not count are left out. Sorted by connection and id.
    """
    stock, limit = call.deps(PostgresStock), call.query(LIMIT)
    connections = _chosen(call.deps(Connections), call.query(CONNECTION))
    sku, low = call.query(SKU), call.query(LOW) is True
    cursors = call.deps(HttpDeps).cursors
    scope = cursors.scope(",".join(connections), "stock_level", None, {"sku": sku or "", "low": str(low)}, None)
    as_of = await stock.as_of(connections)
    rows = await stock.list(
        connections, sku=sku, low=low, after=_after(cursors, call.query(CURSOR), scope), limit=limit + 1
    )
    page = rows[:limit]
    following = _cursor(cursors, page[-1], scope) if len(rows) > limit else None
    return StockList(data=page, next_cursor=following, has_more=following is not None, as_of=as_of)


def _chosen(connections: Connections, named: str | None) -> Sequence[str]:
    """Return the connections whose stock is listed. Raises InvalidField and UnsupportedAction."""
    counted = [name for name, one in sorted(connections.by_name.items()) if one.stock_reads is not None]
    if named is not None and named not in connections.by_name:
        known = ", ".join(sorted(connections.by_name))
        raise InvalidField.of("connection", f"no connection has this name; there are: {known}")
    if not counted:
        raise UnsupportedAction("No connection's stock is read.", next_step=SETTING)
    if named is not None and named not in counted:
        others = f"Connections whose stock is read: {', '.join(counted)}."
        raise UnsupportedAction(f"The stock of {named} is not read. {others}", next_step=SETTING)
    return counted if named is None else (named,)


def _after(cursors: SealedCursors, sent: str | None, scope: bytes) -> tuple[str, str]:
    connection, _, remote_id = ("" if sent is None else cursors.open(sent, scope)).partition(BETWEEN)
    return connection, remote_id


def _cursor(cursors: SealedCursors, last: StockLevelView, scope: bytes) -> str:
    return cursors.seal(f"{last.connection}{BETWEEN}{last.remote_id}", scope)
