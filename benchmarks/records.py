"""What is translated, each as one record's bytes: a Freshdesk contact and ticket, a HubSpot contact, a Salesforce
contact and case, orders of twenty lines of Salesforce, Shopify and WooCommerce and such an invoice of Stripe, a Stripe
customer with his subscriptions, a small checkout, a WooCommerce customer, a Zendesk ticket.

They are those of the mappings' golden tests. Orders of twenty lines are the golden ones with two of their lines taken
in turns, and sums that add up again.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from canonical.parts import ObjectName
from mappings.freshdesk.wire_v2 import Account as FreshdeskAccount
from mappings.hubspot.wire_v3 import Account as HubSpotAccount
from mappings.registry import VENDORS, active
from mappings.salesforce.wire_v62 import Account as SalesforceAccount
from mappings.shopify.wire_2026_07 import Account as ShopifyAccount
from mappings.spec import VendorMapping
from mappings.stripe.wire_2026_10_28 import Account as StripeAccount
from mappings.woocommerce.wire_v3 import Account as WooCommerceAccount
from mappings.zendesk.wire_v2 import Account as ZendeskAccount

FIXTURES: Final = Path(__file__).parents[1] / "tests" / "mappings"
LINES: Final = 20


class Subject(NamedTuple):
    """One record to translate, and what it is translated with."""

    title: str
    record: bytes
    mapping: VendorMapping[Any, Any, Any, Any, Any]
    account: Any


def subjects() -> Iterator[Subject]:
    """The records."""
    desk = FreshdeskAccount()
    yield _subject("Freshdesk contact", "freshdesk", "customer", _golden("freshdesk/fixtures/customer-full"), desk)
    yield _subject("Freshdesk ticket", "freshdesk", "ticket", _golden("freshdesk/fixtures/ticket-full"), desk)
    yield _subject(
        "HubSpot contact", "hubspot", "customer", _golden("hubspot/fixtures/customer-full"), HubSpotAccount()
    )
    org = SalesforceAccount(currency="EUR")
    yield _subject("Salesforce contact", "salesforce", "customer", _golden("salesforce/fixtures/customer-full"), org)
    yield _subject("Salesforce case", "salesforce", "ticket", _golden("salesforce/fixtures/ticket-full"), org)
    yield _subject(f"Salesforce order, {LINES} lines", "salesforce", "order", long_salesforce_order(), org)
    shop = ShopifyAccount(domain="nordic-seams.myshopify.com", currency="EUR")
    yield _subject(f"Shopify order, {LINES} lines", "shopify", "order", long_order(), shop)
    yield _subject("Stripe customer", "stripe", "customer", _golden("stripe/fixtures/customer-full"), StripeAccount())
    yield _subject(f"Stripe invoice, {LINES} lines", "stripe", "order", long_invoice(), StripeAccount())
    yield _subject("Stripe checkout", "stripe", "order", _golden("stripe/fixtures/order-checkout"), StripeAccount())
    woo = WooCommerceAccount()
    yield _subject(
        "WooCommerce customer", "woocommerce", "customer", _golden("woocommerce/fixtures/customer-full"), woo
    )
    yield _subject(f"WooCommerce order, {LINES} lines", "woocommerce", "order", long_woocommerce_order(), woo)
    yield _subject("Zendesk ticket", "zendesk", "ticket", _golden("zendesk/fixtures/ticket-full"), ZendeskAccount())


def long_order() -> bytes:
    """The golden order with twenty lines whose sums add up."""
    order = json.loads((FIXTURES / "shopify/fixtures/order-full.in.json").read_bytes())
    thread, lesson = order["lineItems"]["nodes"]
    nodes = []
    for place in range(LINES):
        line = (thread, lesson)[place % 2]
        nodes.append(line | {"id": f"gid://shopify/LineItem/{501 + place}", "name": f"{line['name']}, {place + 1}"})
    order["lineItems"]["nodes"] = nodes
    order["totalTaxSet"] = _bag(LINES / 2 * (10.0 + 2.5 + 4.3) + 1.9)
    order["totalDiscountsSet"] = _bag(LINES / 2 * 10.0 + 5.0)
    items, fees, shipping, tip = LINES / 2 * (4 * 20.0 + 25.0), 4.0, 9.5, 2.0
    total = items - (LINES / 2 * 10.0 + 5.0) + shipping + fees + tip + LINES / 2 * (10.0 + 2.5 + 4.3) + 1.9
    order["totalPriceSet"] = order["totalReceivedSet"] = _bag(total)
    return json.dumps(order).encode()


def long_salesforce_order() -> bytes:
    """The golden order with its first line twenty times."""
    order = json.loads((FIXTURES / "salesforce/fixtures/order-full.in.json").read_bytes())
    line, _ = order["OrderItems"]["records"]
    order["OrderItems"]["records"] = [line | {"Id": f"802dM0000000L{place:02}QAK"} for place in range(LINES)]
    order["OrderItems"]["totalSize"] = LINES
    return json.dumps(order | {"TotalAmount": round(LINES * line["TotalPrice"], 2)}).encode()


def long_invoice() -> bytes:
    """The golden invoice with twenty lines whose sums add up."""
    invoice = json.loads((FIXTURES / "stripe/fixtures/order-invoice.in.json").read_bytes())
    lines = invoice["lines"]["data"]
    invoice["lines"]["data"] = [lines[place % 2] | {"id": f"il_{place}"} for place in range(LINES)]
    for discount in invoice["total_discount_amounts"]:
        discount["amount"] = LINES // 2 * 996
    for tax in invoice["total_taxes"]:
        tax["amount"] = LINES // 2 * 1703
    total = LINES // 2 * (8000 + 1960 - 996 + 1703) + 950
    return json.dumps(invoice | {"total": total, "amount_paid": total}).encode()


def long_woocommerce_order() -> bytes:
    """The golden order of WooCommerce with twenty lines whose sums add up."""
    order = json.loads((FIXTURES / "woocommerce/fixtures/order-full.in.json").read_bytes())
    mug, linen = order["line_items"]
    order["line_items"] = [
        line | {"id": 315 + place, "name": f"{line['name']}, {place + 1}"}
        for place, line in ((place, (mug, linen)[place % 2]) for place in range(LINES))
    ]
    pairs = LINES / 2
    tax = pairs * (6.80 + 0.32) + 0.95 + 0.07
    order |= {"discount_total": f"{pairs * 4:.2f}", "total_tax": f"{tax:.2f}"}
    order["total"] = f"{pairs * (35.80 + 1.70) + 5 + 0.5 + tax:.2f}"
    return msgspec.json.encode(order)


def _subject(title: str, vendor: str, name: ObjectName, record: bytes, account: Any) -> Subject:
    mapping = active(VENDORS[vendor], name)
    assert mapping is not None
    (bare,) = VENDORS[vendor].unwrap(record, name)
    return Subject(title, bytes(bare), mapping, account)


def _golden(name: str) -> bytes:
    """Without the spaces of a file for people, as vendors send it."""
    return msgspec.json.encode(msgspec.json.decode((FIXTURES / f"{name}.in.json").read_bytes()))


def _bag(amount: float) -> dict[str, Any]:
    return {"shopMoney": {"amount": str(round(amount, 2))}}
