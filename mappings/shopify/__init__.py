"""Shopify: customers and orders through the Admin GraphQL API 2026-07, and the REST-shaped bodies of its webhooks."""

from typing import Final

from mappings.endpoints import NUMBER
from mappings.manifest import Auth, Pacing, Vendor
from mappings.shopify.account import ACCOUNT_REQUESTS, IDENTITY, SETUP, SETUP_OF, build_account
from mappings.shopify.choices import CHOICES
from mappings.shopify.customer_r1 import CUSTOMER
from mappings.shopify.errors import budget, refusal
from mappings.shopify.order_r1 import ORDER
from mappings.shopify.stock import STOCK
from mappings.shopify.unwrap import unwrap
from mappings.shopify.webhooks import WEBHOOKS
from mappings.shopify.wire_2026_07 import Account
from mappings.tokens import Grant, Scopes

VENDOR: Final = Vendor[Account](
    name="shopify",
    title="Shopify",
    api_version="2026-07",
    default_base_url=None,  # https://{shop}.myshopify.com, from the connection
    auth=Auth(secrets=("token",), header="X-Shopify-Access-Token", template="{token}"),
    # An app of one's own asks for itself, every day. An app for others has an offline token of an hour, and since
    # 28 August 2026 a used refresh token stays valid until its replacement is used, at most 30 days.
    grants=(
        Grant(
            kind="client_credentials",
            token_path="/admin/oauth/access_token",  # noqa: S106 - a path
            asks_scopes=False,
            header="X-Shopify-Access-Token",
            template="{token}",
            lifetime=86_400.0,
        ),
        Grant(
            kind="authorization_code",
            authorize_url="/admin/oauth/authorize",
            token_path="/admin/oauth/access_token",  # noqa: S106 - a path
            after_refresh="until_new_is_used",
            separator=",",
            more={"expiring": 1},
            header="X-Shopify-Access-Token",
            template="{token}",
        ),
    ),
    scopes=Scopes(
        read={"customer": ("read_customers",), "order": ("read_customers", "read_orders")},
        write={"customer": ("write_customers",), "order": ("read_products", "write_orders")},
        implied={"write_customers": ("read_customers",), "write_orders": ("read_orders",)},
    ),
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
    setup_of=SETUP_OF,
    choices=CHOICES,
    webhooks=WEBHOOKS,
    logins=frozenset({"customer"}),
    traits=frozenset({"markets", "taxes", "fulfils", "collects"}),
    line_fields=True,
    stock=STOCK,
    mappings=(CUSTOMER, ORDER),
    docs="https://shopify.dev/docs/api/admin-graphql/2026-07",
)
