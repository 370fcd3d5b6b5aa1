"""One call's view of the Stripe account: its records, the time, and new ids."""

import secrets
import string
from collections.abc import Callable
from typing import Any

from emulators.state import JsonRecord, State
from emulators.stripe.errors import missing

LETTERS = string.ascii_letters + string.digits
KINDS = {
    "customers": "customer",
    "invoices": "invoice",
    "invoiceitems": "invoiceitem",
    "checkout_sessions": "checkout.session",
    "subscriptions": "subscription",
    "tax_ids": "tax_id",
    "payment_intents": "payment_intent",
    "charges": "charge",
    "prices": "price",
    "products": "product",
    "coupons": "coupon",
    "shipping_rates": "shipping_rate",
}
"""Stored objects and their `object` names."""
PREFIXES = {
    "customers": "cus_",
    "invoices": "in_",
    "invoiceitems": "ii_",
    "checkout_sessions": "cs_test_",
    "subscriptions": "sub_",
    "tax_ids": "txi_",
    "payment_intents": "pi_",
    "charges": "ch_",
    "prices": "price_",
    "products": "prod_",
    "shipping_rates": "shr_",
}


class Desk:
    """One call's view of the account. `now` is in whole Unix seconds. New records are `live` or test records."""

    def __init__(self, state: State, now: float, *, live: bool = False) -> None:
        """Use these records at this time."""
        self.state = state
        self.live = live
        self.now = int(now)
        self.exactly = now

    def new_id(self, object: str) -> str:
        """Return a new id."""
        return PREFIXES.get(object, "") + random_text(14)

    def get(self, object: str, id: str) -> JsonRecord:
        """Return the record of the URL. Raises Refusal if there is none."""
        record = self.state.get(object, id)
        if record is None:
            raise missing(KINDS[object].replace(".", " "), id)
        return record

    def alive(self, object: str, id: str, param: str = "id", status: int = 404) -> JsonRecord:
        """Return the record of the URL. Raises Refusal if it is deleted or missing."""
        record = self.state.get(object, id)
        if record is None or record.get("deleted"):
            raise missing(KINDS[object].replace(".", " "), id, param, status)
        return record

    def keep(self, object: str, record: JsonRecord) -> None:
        """Write a record, indexed by what lists filter on."""
        keys = {name: str(record[name]) for name in ("email", "customer", "invoice") if record.get(name)}
        self.state.put(object, str(record["id"]), record, keys)


Handler = Callable[[Desk, dict[str, Any], tuple[str, ...]], Any]


def random_text(length: int) -> str:
    """Return random letters and digits."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))
