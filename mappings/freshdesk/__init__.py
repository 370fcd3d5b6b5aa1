"""Freshdesk, API v2: contacts are customers, tickets are tickets, replies and notes are comments."""

from typing import Final

from mappings.endpoints import NUMBER
from mappings.freshdesk import account, errors
from mappings.freshdesk.choices import CHOICES
from mappings.freshdesk.comment_r1 import COMMENT
from mappings.freshdesk.customer_r1 import CUSTOMER
from mappings.freshdesk.ticket_r1 import TICKET
from mappings.freshdesk.unwrap import unwrap
from mappings.freshdesk.webhooks import WEBHOOKS
from mappings.freshdesk.wire_v2 import Account
from mappings.manifest import Auth, Pacing, Vendor

VENDOR: Final[Vendor[Account]] = Vendor(
    name="freshdesk",
    title="Freshdesk",
    api_version="v2",
    # Every account has its own host, https://{domain}.freshdesk.com. The connection gives it.
    default_base_url=None,
    # The API key is the user name. A password is required and ignored.
    auth=Auth(secrets=("token",), header="Authorization", template="{token}:X", basic=True),
    # 200 requests a minute on the Growth plan (Pro 400, Enterprise 700). The headers of each answer report what is
    # left.
    pacing=Pacing(units=200, per_seconds=60),
    headers=(("Accept", "application/json"),),
    remote_id=NUMBER,
    request_id_header=errors.REQUEST_ID_HEADER,
    refusal=errors.refusal,
    budget=errors.budget,
    account_requests=account.REQUESTS,
    account_needs=account.NEEDS,
    build_account=account.build_account,
    unwrap=unwrap,
    setup=account.SETUP,
    setup_of={"customer": (), "comment": ()},
    choices=CHOICES,
    webhooks=WEBHOOKS,
    notifies=frozenset({"ticket"}),
    logins=frozenset({"customer"}),
    removable=frozenset({"customer"}),
    mappings=(CUSTOMER, TICKET, COMMENT),
    docs="https://developers.freshdesk.com/api/",
)
