"""A shop with custom fields, and its emulator to write to."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec

from emulators.woocommerce.emulator import KEY, SECRET, WooCommerce
from mappings.http import VendorRequest
from mappings.spec import VendorMapping
from mappings.woocommerce import VENDOR
from mappings.woocommerce.order_r1 import ORDER
from mappings.woocommerce.wire_v3 import Account
from tests.fixtures import opened
from tests.mappings.emulated import EmulatedAccount

FIXTURES = Path(__file__).parent / "fixtures"

Mapping = VendorMapping[Any, Any, Any, Any, Account]
ACCOUNT = msgspec.json.decode((FIXTURES / "account.json").read_bytes(), type=Account)
BASIC = b64encode(f"{KEY}:{SECRET}".encode()).decode()


def golden(name: str) -> bytes:
    """A record as it is sent."""
    return (FIXTURES / f"{name}.in.json").read_bytes()


def record(status: str, *, is_paid: bool = False, **more: Any) -> Any:
    """An order in a status."""
    paid = {"date_paid_gmt": "2026-05-01T09:31:00"} if is_paid else {}
    order = {"id": 7, "status": status, "currency": "EUR", "total": "10.00", **paid, **more}
    return ORDER.decode(msgspec.json.encode(order))


class EmulatedShop(EmulatedAccount[Account]):
    """A shop whose clock goes on by a second with each call."""

    def __init__(self) -> None:
        headers = {"authorization": f"Basic {BASIC}", "host": "shop.example"}
        super().__init__(VENDOR, WooCommerce(), headers, now=1_790_000_000.0, step=1.0)
        self.account = ACCOUNT

    def set(self, **settings: str) -> None:
        """Change the shop's settings, and know them."""
        for name, value in settings.items():
            self.place("settings", id=name, value=value)
        self.account = self.learnt(ACCOUNT.custom_fields)

    def do(self, method: Any, path: str, **body: Any) -> Any:
        """Something that is done in the shop itself."""
        request = VendorRequest(
            method=method, path=f"/wp-json/wc/v3{path}", route=path, body=json.dumps(body).encode() if body else None
        )
        return json.loads(self.must(request).body)


shop = opened(EmulatedShop)
"""A fresh shop."""
