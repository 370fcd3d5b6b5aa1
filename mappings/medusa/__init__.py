"""Medusa, Admin API of 2.21: customers, orders and draft orders."""

from typing import Final

from mappings.manifest import Auth, Pacing, Vendor
from mappings.medusa.account import REQUESTS, build_account
from mappings.medusa.customer_r1 import CUSTOMER
from mappings.medusa.errors import refusal
from mappings.medusa.order_r1 import ORDER
from mappings.medusa.stock import STOCK
from mappings.medusa.tokens import read_session
from mappings.medusa.unwrap import unwrap
from mappings.medusa.wire_2_21 import Account
from mappings.tokens import Grant

VENDOR: Final = Vendor[Account](
    name="medusa",
    title="Medusa",
    api_version="2.21",
    # Every shop has its own server. The connection names its address, without /admin.
    default_base_url=None,
    # A secret API key is the user of Basic authentication, without a password.
    auth=Auth(secrets=("api_key",), header="Authorization", template="{api_key}:", basic=True),
    # The login of a person, whose token is valid for a day.
    grants=(
        Grant(
            kind="login",
            token_path="/auth/user/emailpass",  # noqa: S106 - a path
            secrets=("email", "password"),
            names=frozenset({"email"}),
            encoding="json",
            login=dict,
            read=read_session,
            lifetime=86_400.0,
        ),
    ),
    # Medusa has no limit. A small server answers this many requests.
    pacing=Pacing(units=20, per_seconds=1, concurrency=4),
    headers=(("Accept", "application/json"),),
    remote_id=r"(?:cus|order)_[0-9A-Za-z]{1,80}",
    request_id_header=None,
    refusal=refusal,
    account_requests=REQUESTS,
    account_needs={"customer": ()},
    build_account=build_account,
    unwrap=unwrap,
    # Medusa sends no webhooks. Only code of the shop receives its events.
    webhooks=None,
    traits=frozenset({"fulfils", "collects"}),
    removable=frozenset({"customer"}),
    notifies=frozenset({"order"}),
    logins=frozenset({"customer"}),
    line_fields=True,
    stock=STOCK,
    mappings=(CUSTOMER, ORDER),
    timeout_seconds=15.0,
    docs="https://docs.medusajs.com/api/admin",
)
