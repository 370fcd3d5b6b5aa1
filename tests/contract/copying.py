"""A customer, and a copy of a record that is ordered."""

from typing import Any

import httpx

from tests.contract.callers import Caller
from tests.contract.emulators import Emulators, Vendor
from tests.contract.samples import word
from tests.contract.vendor_samples import SAMPLES

COLLECTIONS = {"cus": "customers", "ord": "orders", "tkt": "tickets"}


def buyer(caller: Caller, connection: str = "shopify", **fields: Any) -> dict[str, Any]:
    """A new customer, whose last name and address occur nowhere else."""
    mark = word()
    body = {"first_name": "Ada", "last_name": mark, "emails": [{"address": f"{mark}@example.com"}], **fields}
    return caller.create(f"/v1/customers?connection={connection}", body)


def contacts_of(vendors: Emulators, vendor: Vendor, made: dict[str, Any]) -> list[dict[str, Any]]:
    """The vendor's own records with the last name of a customer."""
    return vendors.records(vendor, SAMPLES[f"{vendor} customer"].held_as, holding=made["last_name"])


def copy(caller: Caller, made: dict[str, Any], to: str, *, key: str | None = None, **order: Any) -> httpx.Response:
    """Order a copy of a customer, order or ticket to the connection `to`."""
    path = f"/v1/{COLLECTIONS[made['id'][:3]]}/{made['id']}/copies"
    return caller.write("POST", path, {"connection": to, **order}, key=key)
