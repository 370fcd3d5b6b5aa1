"""Bodies that callers send, with invented people, each as one vendor can hold it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple
from uuid import uuid4

from tests.contract.emulators import Vendor

Body = dict[str, Any]


def word() -> str:
    """A word that occurs nowhere else, to find again by. No address of an office begins with an x, as with web."""
    return f"x{uuid4().hex[:14]}"


def customer(connection: str, mark: str | None = None, **fields: Any) -> Body:
    """A person to create; `mark` is the local part of the address."""
    mark = mark or word()
    name = {"display_name": f"Ada {mark}"} if "zendesk" in connection else {"first_name": "Ada", "last_name": mark}
    return {**name, "emails": [{"address": f"{mark}@example.com"}], **fields}


def order(mark: str | None = None, **fields: Any) -> Body:
    """Two mugs for a guest."""
    mark = mark or word()
    return {
        "currency": "EUR",
        "customer": {"email": f"{mark}@example.com"},
        "line_items": [{"name": f"Mug {mark}", "quantity": "2", "unit_price": "19.90"}],
        **fields,
    }


def shop_order(mark: str | None = None, **fields: Any) -> Body:
    """Two mugs for a guest, as a CRM gets them from a shop. Only the order itself contains the mark."""
    mark = mark or word()
    line = {"name": "Mug", "sku": "MUG-BLUE", "quantity": "2", "unit_price": "19.90"}
    return {"number": f"#{mark}", "external_id": f"key-{mark}", "currency": "EUR", "line_items": [line], **fields}


def ticket(connection: str, mark: str | None = None, **fields: Any) -> Body:
    """A complaint about a mug. At HubSpot it has no requester, as that must be a contact there."""
    mark = mark or word()
    asker = {"requester": {"email": f"{mark}@example.com", "name": "Ada"}} if "zendesk" in connection else {}
    return {"subject": f"Mug {mark}", "description": "It came in two pieces.", **asker, **fields}


class Kind(NamedTuple):
    """One object at one vendor: its collection, the connection, the vendor's own name of it, and a body to create."""

    path: str
    connection: Vendor
    held_as: str
    body: Callable[[str, str | None], Body]

    @property
    def collection(self) -> str:
        """Where one is created."""
        return f"{self.path}?connection={self.connection}"

    def sample(self, mark: str | None = None) -> Body:
        """A body for a new one; `mark` occurs in it."""
        return self.body(self.connection, mark)


KINDS: Final = {
    "hubspot customer": Kind("/v1/customers", "hubspot", "contacts", customer),
    "shopify customer": Kind("/v1/customers", "shopify", "Customer", customer),
    "zendesk customer": Kind("/v1/customers", "zendesk", "users", customer),
    "shopify order": Kind("/v1/orders", "shopify", "Order", lambda _connection, mark: order(mark)),
    "hubspot order": Kind("/v1/orders", "hubspot", "orders", lambda _connection, mark: shop_order(mark)),
    "hubspot ticket": Kind("/v1/tickets", "hubspot", "tickets", ticket),
    "zendesk ticket": Kind("/v1/tickets", "zendesk", "tickets", ticket),
}
