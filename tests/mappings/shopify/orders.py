"""An order of the shop with everything that an answer may have, and what it means."""

import json

from canonical.order import Order
from mappings.shopify import wire_2026_07 as wire
from mappings.shopify.order_r1 import ORDER, to_canonical

from .conftest import FIXTURES, SHOP

RECORD = json.loads((FIXTURES / "order-full.in.json").read_text())
FULL = ORDER.decode(json.dumps(RECORD).encode())


def read(order: wire.Order) -> Order:
    """What the order means."""
    return to_canonical(order, SHOP).data
