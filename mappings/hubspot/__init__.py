"""HubSpot, CRM v3: contacts are customers, tickets are tickets, orders are orders."""

from typing import Final

from mappings.endpoints import NUMBER
from mappings.hubspot import customer_r1, customer_r2
from mappings.hubspot.account import ACCOUNT_REQUESTS, IDENTITY, NEEDS, build_account
from mappings.hubspot.choices import CHOICES
from mappings.hubspot.endpoints import CONTACT_CALLS, TICKET_CALLS
from mappings.hubspot.endpoints_order import ORDER_SETUP
from mappings.hubspot.errors import REQUEST_ID_HEADER, budget, refusal
from mappings.hubspot.order_r1 import ORDER
from mappings.hubspot.requests import SEARCHES
from mappings.hubspot.ticket_r1 import TICKET
from mappings.hubspot.unwrap import unwrap
from mappings.hubspot.webhooks import WEBHOOKS
from mappings.hubspot.wire_v3 import Account
from mappings.manifest import Auth, Pacing, Vendor
from mappings.tokens import Grant, Scopes

VENDOR: Final = Vendor[Account](
    name="hubspot",
    title="HubSpot",
    api_version="v3",
    default_base_url="https://api.hubapi.com",
    auth=Auth(secrets=("token",), header="Authorization", template="Bearer {token}"),
    # https://developers.hubspot.com/docs/api-reference/auth-oauth-v3/guide
    grants=(
        Grant(
            kind="authorization_code",
            authorize_url="https://app.hubspot.com/oauth/authorize",
            token_path="/oauth/v3/token",  # noqa: S106 - a path
            scopes=("oauth",),
            lifetime=1800.0,
        ),
    ),
    scopes=Scopes(
        read={
            "customer": ("crm.objects.contacts.read", "crm.schemas.contacts.read"),
            "ticket": ("tickets", "crm.objects.contacts.read"),
            "order": (
                "crm.objects.contacts.read",
                "crm.objects.line_items.read",
                "crm.objects.orders.read",
                "crm.schemas.line_items.read",
                "crm.schemas.orders.read",
            ),
        },
        # The setup creates properties, which needs the schemas.
        write={
            "customer": ("crm.objects.contacts.write", "crm.schemas.contacts.write"),
            "ticket": ("crm.objects.contacts.write",),
            "order": (
                "crm.objects.contacts.write",
                "crm.objects.line_items.write",
                "crm.objects.orders.write",
                "crm.schemas.line_items.write",
                "crm.schemas.orders.write",
            ),
        },
    ),
    pacing=Pacing(units=100, per_seconds=10),
    buckets={SEARCHES: Pacing(units=5, per_seconds=1)},
    remote_id=NUMBER,
    request_id_header=REQUEST_ID_HEADER,
    refusal=refusal,
    budget=budget,
    account_requests=ACCOUNT_REQUESTS,
    account_needs=NEEDS,
    identity=IDENTITY,
    build_account=build_account,
    unwrap=unwrap,
    setup=(*CONTACT_CALLS.setup(), *TICKET_CALLS.setup(), *ORDER_SETUP),
    setup_of={"customer": CONTACT_CALLS.setup(), "ticket": TICKET_CALLS.setup(), "order": ORDER_SETUP},
    setup_at_once={"customer": CONTACT_CALLS.setup_at_once(), "ticket": TICKET_CALLS.setup_at_once()},
    choices=CHOICES,
    webhooks=WEBHOOKS,
    traits=frozenset({"markets"}),
    removable=frozenset({"customer"}),
    mappings=(customer_r1.CUSTOMER, customer_r2.CUSTOMER, TICKET, ORDER),
    docs="https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide",
)
