"""Invoices: drafts, their items, and their states from draft to paid or void."""

from typing import Any

from emulators.state import JsonRecord
from emulators.stripe import lists
from emulators.stripe.amounts import currency, payable, plain, times
from emulators.stripe.desk import Desk, random_text
from emulators.stripe.errors import invalid, missing_parameter, not_now
from emulators.stripe.invoice_shapes import blank, line_of, public_customer
from emulators.stripe.params import (
    EXPAND,
    SHIPPING,
    Check,
    choice,
    decimal,
    judged,
    merged,
    metadata,
    text,
    truth,
    whole,
)

INVOICES, ITEMS = "invoices", "invoiceitems"
URL = "/v1/invoices"
CHANGES: dict[str, Check] = {
    "auto_advance": truth,
    "days_until_due": whole,
    "description": text(1500),
    "due_date": whole,
    "expand": EXPAND,
    "footer": text(),
    "metadata": metadata,
    "number": text(26),
    "shipping_details": SHIPPING,
    "statement_descriptor": text(22),
}
CREATES = CHANGES | {
    "collection_method": choice("charge_automatically", "send_invoice"),
    "currency": currency,
    "customer": text(),
    "pending_invoice_items_behavior": choice("exclude", "include"),
}
STATES = ("draft", "open", "paid", "uncollectible", "void")


def create(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Create a draft, with the customer's pending items if requested."""
    read = judged(values, CREATES)
    if not read.get("customer"):
        raise missing_parameter("customer")
    customer = desk.alive("customers", read["customer"], "customer", 400)
    code = read.get("currency") or customer.get("currency") or "usd"
    invoice = blank(desk, desk.new_id(INVOICES), customer, code)
    _lay_over(desk, invoice, read)
    if read.get("pending_invoice_items_behavior") == "include":
        for item in desk.state.lookup(ITEMS, "customer", customer["id"]):
            if item["invoice"] is None and item["currency"] == code:
                _take_up(desk, invoice, item)
    desk.keep(INVOICES, invoice)
    if customer.get("currency") is None:
        desk.keep("customers", customer | {"currency": code})
    return invoice


def show(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Return one invoice."""
    judged(values, {"expand": EXPAND})
    return desk.alive(INVOICES, ids[0])


def update(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Change the members that are sent. After the draft, only metadata and a few others can change."""
    read = judged(values, CHANGES)
    invoice = desk.alive(INVOICES, ids[0])
    fixed = set(read) - {"metadata", "expand", "description", "footer", "due_date", "statement_descriptor"}
    if invoice["status"] != "draft" and fixed:
        raise not_now("Finalized invoices can't be updated in this way", "invoice_not_editable", min(fixed))
    _lay_over(desk, invoice, read)
    desk.keep(INVOICES, invoice)
    return invoice


def delete(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Delete a draft. No other invoice can be deleted."""
    invoice = desk.alive(INVOICES, ids[0])
    if invoice["status"] != "draft":
        raise not_now("You can only delete draft invoices.", "invoice_not_editable")
    desk.state.delete(INVOICES, invoice["id"])
    stub = {"id": invoice["id"], "object": "invoice", "deleted": True}
    desk.state.put("deleted_invoices", invoice["id"], stub)
    return stub


def finalize(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Open a draft. An invoice of zero is paid at once."""
    judged(values, {"auto_advance": truth, "expand": EXPAND})
    invoice = desk.alive(INVOICES, ids[0])
    if invoice["status"] != "draft":
        raise not_now("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    customer = desk.get("customers", invoice["customer"])
    number = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    desk.keep("customers", customer | {"next_invoice_sequence": customer["next_invoice_sequence"] + 1})
    invoice |= {"status": "open", "number": invoice["number"] or number, "effective_at": desk.now}
    invoice["status_transitions"]["finalized_at"] = desk.now
    if invoice["total"] == 0:
        _settle(desk, invoice)
    desk.keep(INVOICES, invoice)
    return invoice


def pay(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Mark as paid, by any means of payment."""
    judged(values, {"paid_out_of_band": truth, "payment_method": text(), "expand": EXPAND})
    invoice = desk.alive(INVOICES, ids[0])
    if invoice["status"] == "draft":
        invoice = finalize(desk, {}, ids)
    if invoice["status"] not in ("open", "uncollectible"):
        raise not_now("Invoice is already paid" if invoice["status"] == "paid" else "Invoice cannot be paid")
    payment = {
        "id": f"inpay_{random_text(24)}",
        "object": "invoice_payment",
        "amount_paid": invoice["amount_remaining"],
        "amount_requested": invoice["amount_remaining"],
        "created": desk.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": desk.live,
        "payment": {"type": "payment_intent", "payment_intent": desk.new_id("payment_intents")},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": desk.now},
    }
    invoice["_payments"] = [*invoice.get("_payments", []), payment]
    _settle(desk, invoice)
    desk.keep(INVOICES, invoice)
    return invoice


def void(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Void an open or uncollectible invoice."""
    return _ended(desk, values, ids, ("open", "uncollectible"), "void", "voided_at")


def give_up(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Mark an open invoice as uncollectible."""
    return _ended(desk, values, ids, ("open",), "uncollectible", "marked_uncollectible_at")


def _ended(
    desk: Desk, values: dict[str, Any], ids: tuple[str, ...], states: tuple[str, ...], status: str, at: str
) -> JsonRecord:
    judged(values, {"expand": EXPAND})
    invoice = desk.alive(INVOICES, ids[0])
    if invoice["status"] not in states:
        raise not_now(f"You can only pass in open invoices. This invoice isn't open: {invoice['status']}.")
    invoice["status"] = status
    invoice["status_transitions"][at] = desk.now
    desk.keep(INVOICES, invoice)
    return invoice


def list_all(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """List invoices, newest first."""
    more: dict[str, Check] = {"customer": text(), "status": choice(*STATES), "subscription": text()}
    read = judged(values, lists.PAGING | more)
    wanted = {name: read[name] for name in more if read.get(name)}
    invoices = [
        one for one in desk.state.all(INVOICES) if all(one.get(name) == value for name, value in wanted.items())
    ]
    return lists.page(invoices, read, URL)


def search(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Search invoices by metadata, number, customer or status."""
    read = judged(values, lists.SEARCHING)
    return lists.search_page(desk, INVOICES, read, f"{URL}/search", ("number", "customer", "status", "currency"))


def create_item(desk: Desk, values: dict[str, Any], ids: tuple[str, ...]) -> JsonRecord:
    """Create an item on a draft, or a pending one."""
    checks: dict[str, Check] = {
        "amount": whole,
        "currency": currency,
        "customer": text(),
        "description": text(),
        "invoice": text(),
        "metadata": metadata,
        "quantity": whole,
        "unit_amount_decimal": decimal,
        "expand": EXPAND,
    }
    read = judged(values, checks)
    customer = desk.alive("customers", read.get("customer") or "", "customer", 400)
    code, quantity = read.get("currency") or customer.get("currency") or "usd", read.get("quantity", 1)
    unit = read.get("unit_amount_decimal")
    amount = read.get("amount") if unit is None else times(unit, quantity)
    if amount is None:
        raise missing_parameter("amount")
    item: JsonRecord = {
        "id": desk.new_id(ITEMS),
        "object": "invoiceitem",
        "amount": payable("amount", amount, code),
        "currency": code,
        "customer": customer["id"],
        "date": desk.now,
        "description": read.get("description"),
        "invoice": None,
        "livemode": desk.live,
        "metadata": merged({}, read.get("metadata", {})),
        "quantity": quantity,
        "unit_amount_decimal": unit or str(amount),
        "unit_amount": plain(unit or str(amount)),
    }
    if read.get("invoice"):
        invoice = desk.alive(INVOICES, read["invoice"], "invoice", 400)
        if invoice["status"] != "draft":
            raise invalid("invoice", "The invoice is not a draft", "invoice_not_editable")
        _take_up(desk, invoice, item)
        desk.keep(INVOICES, invoice)
    desk.keep(ITEMS, item)
    return item


def payments(desk: Desk, invoice: JsonRecord) -> JsonRecord:
    """Return the payments, which an invoice omits by default."""
    payments = invoice.get("_payments", [])
    return {
        "object": "list",
        "data": payments,
        "has_more": False,
        "url": f"/v1/invoice_payments?invoice={invoice['id']}",
    }


def _take_up(desk: Desk, invoice: JsonRecord, item: JsonRecord) -> None:
    if item["currency"] != invoice["currency"]:
        raise invalid("currency", f"The invoice is in {invoice['currency']}.")
    item["invoice"] = invoice["id"]
    desk.keep(ITEMS, item)
    invoice["lines"]["data"].append(line_of(invoice, item))
    total = sum(line["amount"] for line in invoice["lines"]["data"])
    invoice["lines"]["total_count"] = len(invoice["lines"]["data"])
    for name in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"):
        invoice[name] = total
    invoice |= {"amount_due": max(0, total), "amount_remaining": max(0, total)}


def _settle(desk: Desk, invoice: JsonRecord) -> None:
    invoice |= {"status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0, "attempted": True}
    invoice["status_transitions"]["paid_at"] = desk.now


def _lay_over(desk: Desk, invoice: JsonRecord, read: dict[str, Any]) -> None:
    for name, value in read.items():
        if name == "metadata":
            invoice["metadata"] = merged(invoice["metadata"], value)
        elif name == "shipping_details" and value is not None:
            invoice[name] = public_customer(value)
        elif name not in ("expand", "pending_invoice_items_behavior", "customer", "currency", "days_until_due"):
            invoice[name] = value
