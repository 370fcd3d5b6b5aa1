"""Order a copy of a record."""

from typing import Any

import httpx

from tests.contract.callers import Caller

COLLECTIONS = {"cus": "customers", "ord": "orders", "tkt": "tickets"}


def copy(caller: Caller, made: dict[str, Any], to: str, *, key: str | None = None, **order: Any) -> httpx.Response:
    """Order a copy of a customer, order or ticket to the connection `to`."""
    path = f"/v1/{COLLECTIONS[made['id'][:3]]}/{made['id']}/copies"
    return caller.write("POST", path, {"connection": to, **order}, key=key)
