"""Zendesk, Support API v2: users, tickets and their comments."""

from typing import Final

from mappings.endpoints import NUMBER
from mappings.manifest import Auth, Pacing, Vendor
from mappings.tokens import Grant, Scopes
from mappings.zendesk import account, errors
from mappings.zendesk.choices import CHOICES
from mappings.zendesk.comment_r1 import COMMENT
from mappings.zendesk.customer_r1 import CUSTOMER
from mappings.zendesk.paging import EXPORTS
from mappings.zendesk.ticket_r1 import TICKET
from mappings.zendesk.unwrap import unwrap
from mappings.zendesk.webhooks import WEBHOOKS
from mappings.zendesk.wire_v2 import Account

VENDOR: Final[Vendor[Account]] = Vendor(
    name="zendesk",
    title="Zendesk",
    api_version="v2",
    # Every account has its own host, https://{subdomain}.zendesk.com; the connection names it.
    default_base_url=None,
    auth=Auth(
        secrets=("email", "token"),
        header="Authorization",
        template="{email}/token:{token}",
        basic=True,
        names=frozenset({"email"}),
    ),
    # A refresh deletes the old refresh and access token at once, so the tokens live as long as a day: fewer refreshes
    # mean fewer replies that can be lost.
    grants=(
        Grant(
            kind="authorization_code",
            authorize_url="/oauth/authorizations/new",
            token_path="/oauth/tokens",  # noqa: S106 - a path
            after_refresh="gone",
            encoding="json",
            more={"expires_in": 86_400},
        ),
    ),
    # Fields, custom statuses and exports have no scope of their own below `read`; the user field of the setup has none
    # below `write`.
    scopes=Scopes(
        always=("read",),
        write={"customer": ("write",), "ticket": ("tickets:write",)},
        implied={"write": ("tickets:write", "users:write"), "read": ("tickets:read", "users:read")},
    ),
    # 400 requests a minute on the Growth and Professional plans (Team 200, Enterprise 700); the headers of every
    # answer report what the account has left.
    pacing=Pacing(units=400, per_seconds=60),
    buckets={EXPORTS: Pacing(units=10, per_seconds=60)},
    headers=(("Accept", "application/json"),),
    remote_id=NUMBER,
    request_id_header="x-request-id",
    refusal=errors.refusal,
    budget=errors.budget,
    account_requests=account.REQUESTS,
    account_needs=account.NEEDS,
    build_account=account.build_account,
    unwrap=unwrap,
    setup=account.SETUP,
    setup_of={"ticket": (), "comment": ()},
    choices=CHOICES,
    webhooks=WEBHOOKS,
    notifies=frozenset({"ticket"}),
    logins=frozenset({"customer"}),
    mappings=(CUSTOMER, TICKET, COMMENT),
    docs="https://developer.zendesk.com/api-reference/ticketing/introduction/",
)
