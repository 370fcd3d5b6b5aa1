"""The emulator's records against recordings of the vendor's, which lie outside of the project; and nonsense."""

from ..recordings import recording, same_types
from .conftest import Shop

# What a recording has only by chance of its account or its time.
INVOICE_EXTRAS = {
    *(
        "account_country",
        "account_name",
        "account_tax_ids",
        "application",
        "automatic_tax",
        "automatically_finalizes_at",
    ),
    *(
        "custom_fields",
        "customer_account",
        "default_payment_method",
        "default_source",
        "default_tax_rates",
        "from_invoice",
    ),
    *("invoice_pdf", "issuer", "last_finalization_error", "latest_revision", "next_payment_attempt", "on_behalf_of"),
    *("payment_settings", "receipt_number", "rendering", "test_clock", "webhooks_delivered_at"),
}


def test_customers_look_like_recorded_ones(shop: Shop) -> None:
    theirs = recording("vendor-samples/stripe/customer/create-customer-2026.json")
    ours = shop.post("customers", name="Ann", email="ann@example.com").json()
    assert set(ours) == set(theirs)
    same_types(ours, theirs)


def test_invoices_look_like_recorded_ones(shop: Shop) -> None:
    theirs = recording("vendor-samples/stripe/invoice/pay-invoice-2026.json")
    customer = shop.customer(name="Ann")
    invoice = shop.post("invoices", customer=customer.id, currency="eur").json()
    item = {"customer": customer.id, "invoice": invoice["id"], "amount": "500", "currency": "eur"}
    assert shop.post("invoiceitems", **item).status_code == 200
    ours = shop.post(f"invoices/{invoice['id']}/pay").json()
    assert set(ours) == set(theirs) - INVOICE_EXTRAS
    same_types(ours, theirs)
    our_line, their_line = ours["lines"]["data"][0], theirs["lines"]["data"][0]
    assert set(our_line) == set(their_line)
    same_types(our_line, their_line)


def test_checkouts_have_the_members_of_the_published_fixture(shop: Shop) -> None:
    theirs = recording("vendor-samples/stripe/checkout_session/openapi-fixture.json")
    ours = shop.http.get(f"checkout/sessions/{shop.checkout().id}").json()
    assert set(ours) <= set(theirs) | {"presentment_details", "redirect_on_completion", "return_url"}
