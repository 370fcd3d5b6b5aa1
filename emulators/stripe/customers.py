"""Customers: create, change, delete for good, list, search."""

from typing import Any

from emulators.state import JsonRecord
from emulators.stripe import lists
from emulators.stripe.desk import Desk, random_text
from emulators.stripe.params import (
    ADDRESS,
    EXPAND,
    SHIPPING,
    Check,
    choice,
    email,
    hash_of,
    judged,
    list_of,
    merged,
    metadata,
    text,
    whole,
)

CUSTOMERS = "customers"
URL = "/v1/customers"
LONGEST_PHONE = 20
CHANGES: dict[str, Check] = {
    "address": hash_of(dict(ADDRESS), clearable=True),
    "balance": whole,
    "business_name": text(150),
    "description": text(),
    "email": email,
    "individual_name": text(150),
    "metadata": metadata,
    "name": text(256),
    "phone": text(LONGEST_PHONE),
    "preferred_locales": list_of(text()),
    "shipping": SHIPPING,
    "tax_exempt": choice("none", "exempt", "reverse"),
    "expand": EXPAND,
}
CREATES = CHANGES | {"tax_id_data": list_of(hash_of({"type": text(), "value": text()}))}
SEARCHED = ("email", "name", "phone")


def create(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Create a customer. Only its id is unique."""
    read = judged(values, CREATES)
    customer = blank(desk, desk.new_id(CUSTOMERS))
    _lay_over(customer, read)
    for one in read.get("tax_id_data", []):
        add_tax_id(desk, customer["id"], one)
    desk.keep(CUSTOMERS, customer)
    return customer


def show(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Return one customer, or the stub of a deleted one."""
    judged(values, {"expand": EXPAND})
    return desk.get(CUSTOMERS, ids[0])


def update(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Change the members that are sent."""
    read = judged(values, CHANGES)
    customer = desk.alive(CUSTOMERS, ids[0])
    _lay_over(customer, read)
    desk.keep(CUSTOMERS, customer)
    return customer


def delete(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Delete for good. A stub stays."""
    customer = desk.alive(CUSTOMERS, ids[0])
    stub = {"id": customer["id"], "object": "customer", "deleted": True}
    desk.state.put(CUSTOMERS, customer["id"], stub)
    return stub


def list_all(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """List customers, newest first; filtered by address in its exact spelling."""
    read = judged(values, lists.PAGING | {"email": text()})
    if (address := read.get("email")) is not None:
        return lists.page(desk.state.lookup(CUSTOMERS, "email", address), read, URL)
    return lists.page(desk.state.all(CUSTOMERS), read, URL)


def search(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Search customers by metadata, address, name or number."""
    return lists.search_page(desk, CUSTOMERS, judged(values, lists.SEARCHING), f"{URL}/search", SEARCHED)


def subscriptions(desk: Desk, customer: JsonRecord) -> JsonRecord:
    """Return a customer's subscriptions, without canceled ones."""
    subscriptions = [one for one in desk.state.lookup("subscriptions", "customer", customer["id"]) if _lives(one)]
    return lists.page(subscriptions, {"limit": "10"}, f"{URL}/{customer['id']}/subscriptions")


def tax_ids(desk: Desk, customer: JsonRecord) -> JsonRecord:
    """Return a customer's tax numbers."""
    numbers = desk.state.lookup("tax_ids", "customer", customer["id"])
    return lists.page(numbers, {"limit": "10"}, f"{URL}/{customer['id']}/tax_ids")


def add_tax_id(desk: Desk, customer: str, sent: dict[str, Any]) -> JsonRecord:
    """Add a tax number. Its country is read from the number."""
    value = str(sent.get("value") or "")
    record: JsonRecord = {
        "id": desk.new_id("tax_ids"),
        "object": "tax_id",
        "country": value[:2] if value[:2].isalpha() else None,
        "created": desk.now,
        "customer": customer,
        "livemode": desk.live,
        "type": sent.get("type"),
        "value": value,
        "verification": {"status": "pending", "verified_address": None, "verified_name": None},
    }
    desk.keep("tax_ids", record)
    return record


def blank(desk: Desk, id: str) -> JsonRecord:
    """Return an empty customer."""
    return {
        "id": id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": desk.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": random_text(8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": desk.live,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def _lay_over(customer: JsonRecord, read: dict[str, Any]) -> None:
    for name, value in read.items():
        if name == "metadata":
            customer["metadata"] = merged(customer["metadata"], value)
        elif name == "address" and value is not None:
            customer["address"] = _address(value)
        elif name == "shipping" and value is not None:
            customer["shipping"] = {
                "address": _address(value.get("address") or {}),
                "name": value.get("name"),
                "phone": value.get("phone"),
            }
        elif name not in ("expand", "tax_id_data"):
            customer[name] = value


def _address(sent: dict[str, Any]) -> dict[str, Any]:
    """Replace an address as a whole: absent members are deleted."""
    return {name: sent.get(name) for name in ADDRESS}


def _lives(subscription: JsonRecord) -> bool:
    return subscription.get("status") != "canceled"
