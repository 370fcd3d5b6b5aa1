"""Dependencies of stock levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.stock.store import PostgresStock
    from app.vendors.models import Connections


@dataclass(frozen=True, kw_only=True)
class StockDeps:
    """What lists stock levels: the connections and the store."""

    connections: Connections
    stock: PostgresStock
