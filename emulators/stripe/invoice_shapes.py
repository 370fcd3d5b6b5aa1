"""The members of invoices and their lines."""

from typing import Any

from emulators.state import JsonRecord
from emulators.stripe.desk import Desk, random_text
from emulators.stripe.params import ADDRESS


def blank(desk: Desk, id: str, customer: JsonRecord, code: str) -> JsonRecord:
    """Return an empty draft for a customer, with the present name and addresses."""
    return {
        "id": id,
        "object": "invoice",
        "amount_due": 0,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "billing_reason": "manual",
        "collection_method": "charge_automatically",
        "created": desk.now,
        "currency": code,
        "customer": customer["id"],
        "customer_address": customer.get("address"),
        "customer_email": customer.get("email"),
        "customer_name": customer.get("name"),
        "customer_phone": customer.get("phone"),
        "customer_shipping": customer.get("shipping"),
        "customer_tax_exempt": customer.get("tax_exempt", "none"),
        "customer_tax_ids": [],
        "description": None,
        "discounts": [],
        "due_date": None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "hosted_invoice_url": None,
        "lines": {
            "object": "list",
            "data": [],
            "has_more": False,
            "total_count": 0,
            "url": f"/v1/invoices/{id}/lines",
        },
        "livemode": desk.live,
        "metadata": {},
        "number": None,
        "parent": None,
        "period_end": desk.now,
        "period_start": desk.now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subtotal": 0,
        "subtotal_excluding_tax": 0,
        "total": 0,
        "total_discount_amounts": [],
        "total_excluding_tax": 0,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def line_of(invoice: JsonRecord, item: JsonRecord) -> JsonRecord:
    """Return the line of an item."""
    return {
        "id": f"il_{random_text(24)}",
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice["id"],
        "livemode": invoice["livemode"],
        "metadata": item["metadata"],
        "parent": {"type": "invoice_item_details", "invoice_item_details": {"invoice_item": item["id"]}},
        "period": {"start": item["date"], "end": item["date"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": f"price_{random_text(24)}", "product": f"prod_{random_text(14)}"},
            "unit_amount_decimal": item["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subtotal": item["amount"],
        "taxes": [],
    }


def public_customer(sent: dict[str, Any]) -> JsonRecord:
    """Return a name, a number and an address with all members."""
    address = sent.get("address") or {}
    return {
        "address": {name: address.get(name) for name in ADDRESS},
        "name": sent.get("name"),
        "phone": sent.get("phone"),
    }
