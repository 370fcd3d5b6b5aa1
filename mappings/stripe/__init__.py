"""Stripe, API version 2026-10-28.endive: customers, and as orders invoices and checkout sessions."""

from typing import Final

from mappings.manifest import Auth, Pacing, Vendor
from mappings.stripe.account import IDENTITY, build_account
from mappings.stripe.customer_r1 import CUSTOMER
from mappings.stripe.errors import refusal
from mappings.stripe.order_r1 import ORDER
from mappings.stripe.unwrap import unwrap
from mappings.stripe.webhooks import REMOTE_ID, WEBHOOKS
from mappings.stripe.wire_2026_10_28 import Account

VENDOR: Final = Vendor[Account](
    name="stripe",
    title="Stripe",
    api_version="2026-10-28",
    default_base_url="https://api.stripe.com",
    auth=Auth(secrets=("key",), header="Authorization", template="Bearer {key}"),
    # 100 requests a second in live mode, 25 in a sandbox (https://docs.stripe.com/rate-limits).
    pacing=Pacing(units=25, per_seconds=1, concurrency=8),
    # Without it, answers have the version that the account was created with.
    headers=(("Accept", "application/json"), ("Stripe-Version", "2026-10-28.endive")),
    remote_id=REMOTE_ID,
    request_id_header="request-id",
    refusal=refusal,
    identity=IDENTITY,
    build_account=build_account,
    unwrap=unwrap,
    webhooks=WEBHOOKS,
    traits=frozenset({"taxes", "collects"}),
    line_fields=True,
    mappings=(CUSTOMER, ORDER),
    docs="https://docs.stripe.com/api",
)
