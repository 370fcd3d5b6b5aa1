"""Salesforce, REST API version 62.0: contacts are customers, cases are tickets, orders are orders."""

from typing import Final

from mappings.manifest import Auth, Pacing, Vendor
from mappings.salesforce.account import IDENTITY, NEEDS, REQUESTS, build_account
from mappings.salesforce.choices import CHOICES
from mappings.salesforce.comment_r1 import COMMENT
from mappings.salesforce.customer_r1 import CUSTOMER
from mappings.salesforce.errors import REQUEST_ID_HEADER, budget, refusal
from mappings.salesforce.field_values import PATTERN, long_id
from mappings.salesforce.order_r1 import ORDER
from mappings.salesforce.related import OPTIONS
from mappings.salesforce.ticket_r1 import TICKET
from mappings.salesforce.unwrap import unwrap
from mappings.salesforce.wire_v62 import Account
from mappings.tokens import Grant, Scopes

VENDOR: Final = Vendor[Account](
    name="salesforce",
    title="Salesforce",
    api_version="v62.0",
    # Every org has its own host, https://{domain}.my.salesforce.com; the connection names it.
    default_base_url=None,
    auth=Auth(secrets=("token",), header="Authorization", template="Bearer {token}"),
    # The rights of the user decide about objects; scopes do not. A reply names no lifetime: the session setting of the
    # org is two hours unless an administrator changed it, and an earlier end is a 401.
    grants=(
        Grant(
            kind="authorization_code",
            authorize_url="/services/oauth2/authorize",
            token_path="/services/oauth2/token",  # noqa: S106 - a path
            scopes=("refresh_token",),
            lifetime=7200.0,
        ),
        Grant(
            kind="client_credentials",
            token_path="/services/oauth2/token",  # noqa: S106 - a path
            asks_scopes=False,
            lifetime=7200.0,
        ),
    ),
    scopes=Scopes(always=("api",), implied={"full": ("api",)}),
    # Salesforce limits the requests of a day (15,000 in a developer's org, 100,000 and more in others) and reports the
    # rest in every reply. It has no limit by the second; this one keeps a burst from using up the day's.
    pacing=Pacing(units=50, per_seconds=1),
    headers=(("Accept", "application/json"),),
    remote_id=PATTERN,
    remote_id_form=long_id,
    request_id_header=REQUEST_ID_HEADER,
    refusal=refusal,
    budget=budget,
    account_requests=REQUESTS,
    account_needs=NEEDS,
    identity=IDENTITY,
    build_account=build_account,
    unwrap=unwrap,
    # An administrator creates the key and marker fields (docs/vendors/salesforce.md): the API can create a field, but
    # not show it to the connection's user.
    setup=(),
    choices=CHOICES,
    # Outbound messages are SOAP without a signature, and events come over gRPC: changes are listed instead.
    webhooks=None,
    traits=frozenset({"markets"}),
    removable=frozenset({"customer"}),
    options=OPTIONS,
    mappings=(CUSTOMER, TICKET, COMMENT, ORDER),
    docs="https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/",
)
