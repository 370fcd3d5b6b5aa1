"""Shopify: customers and orders through the Admin GraphQL API 2026-07, and the REST-shaped bodies of its webhooks."""

from typing import Final

from mappings.shopify.account import ACCOUNT_REQUESTS, IDENTITY, SETUP, build_account
from mappings.shopify.choices import CHOICES
from mappings.shopify.customer_r1 import CUSTOMER
from mappings.shopify.errors import budget, refusal
from mappings.shopify.order_r1 import ORDER
from mappings.shopify.unwrap import unwrap
from mappings.shopify.webhooks import WEBHOOKS
from mappings.shopify.wire_2026_07 import Account
from mappings.spec import NUMBER, Auth, Pacing, Vendor

VENDOR: Final = Vendor[Account](
    name="shopify",
    title="Shopify",
    api_version="2026-07",
    default_base_url=None,  # https://{shop}.myshopify.com, from the connection
    auth=Auth(secrets=("token",), header="X-Shopify-Access-Token", template="{token}"),
    # Points of the smallest plan: 100 are restored each second, up to a maximum of 2000.
    pacing=Pacing(units=2000, per_seconds=20, concurrency=8),
    headers=(("Accept", "application/json"),),
    remote_id=NUMBER,
    request_id_header="x-request-id",
    refusal=refusal,
    budget=budget,
    account_requests=ACCOUNT_REQUESTS,
    identity=IDENTITY,
    build_account=build_account,
    unwrap=unwrap,
    setup=SETUP,
    choices=CHOICES,
    webhooks=WEBHOOKS,
    traits=frozenset({"markets", "taxes", "fulfils", "collects"}),
    mappings=(CUSTOMER, ORDER),
    docs="https://shopify.dev/docs/api/admin-graphql/2026-07",
)
