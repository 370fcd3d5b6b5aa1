"""WooCommerce, REST API v3: customers (users of the shop) and orders."""

from typing import Final

from mappings.endpoints import NUMBER
from mappings.manifest import Auth, Pacing, Vendor
from mappings.woocommerce.account import REQUESTS, build_account
from mappings.woocommerce.customer_r1 import CUSTOMER
from mappings.woocommerce.errors import refusal
from mappings.woocommerce.order_r1 import ORDER
from mappings.woocommerce.stock import STOCK
from mappings.woocommerce.unwrap import unwrap
from mappings.woocommerce.webhooks import WEBHOOKS
from mappings.woocommerce.wire_v3 import Account

VENDOR: Final = Vendor[Account](
    name="woocommerce",
    title="WooCommerce",
    api_version="v3",
    # Every shop has its own host. The connection gives the shop's address, without /wp-json.
    default_base_url=None,
    auth=Auth(
        secrets=("consumer_key", "consumer_secret"),
        header="Authorization",
        template="{consumer_key}:{consumer_secret}",
        basic=True,
    ),
    # WooCommerce has no rate limit and hosts publish none. A small host can serve this.
    pacing=Pacing(units=10, per_seconds=1, concurrency=4),
    headers=(("Accept", "application/json"),),
    remote_id=NUMBER,
    request_id_header=None,
    refusal=refusal,
    account_requests=REQUESTS,
    account_needs={"customer": ()},
    build_account=build_account,
    unwrap=unwrap,
    webhooks=WEBHOOKS,
    traits=frozenset({"fulfils", "collects"}),
    notifies=frozenset({"order"}),
    logins=frozenset({"customer"}),
    line_fields=True,
    stock=STOCK,
    mappings=(CUSTOMER, ORDER),
    timeout_seconds=20.0,
    docs="https://woocommerce.github.io/woocommerce-rest-api-docs/",
)
