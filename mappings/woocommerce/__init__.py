"""WooCommerce, REST API v3: users of the shop are customers, orders are orders."""

from typing import Final

from mappings.spec import NUMBER, Auth, Pacing, Vendor
from mappings.woocommerce.account import REQUESTS, build_account
from mappings.woocommerce.customer_r1 import CUSTOMER
from mappings.woocommerce.errors import budget, refusal
from mappings.woocommerce.order_r1 import ORDER
from mappings.woocommerce.unwrap import unwrap
from mappings.woocommerce.webhooks import WEBHOOKS
from mappings.woocommerce.wire_v3 import Account

VENDOR: Final = Vendor[Account](
    name="woocommerce",
    title="WooCommerce",
    api_version="v3",
    # Every shop has its own host; the connection names the address of the shop, without /wp-json.
    default_base_url=None,
    auth=Auth(
        secrets=("consumer_key", "consumer_secret"),
        header="Authorization",
        template="{consumer_key}:{consumer_secret}",
        basic=True,
    ),
    # WooCommerce has no limit; what a shop's host stands is nowhere published. This is what small ones do.
    pacing=Pacing(units=10, per_seconds=1, concurrency=4),
    headers=(("Accept", "application/json"),),
    remote_id=NUMBER,
    request_id_header=None,
    refusal=refusal,
    budget=budget,
    account_requests=REQUESTS,
    build_account=build_account,
    unwrap=unwrap,
    webhooks=WEBHOOKS,
    mappings=(CUSTOMER, ORDER),
    timeout_seconds=20.0,
    docs="https://woocommerce.github.io/woocommerce-rest-api-docs/",
)
