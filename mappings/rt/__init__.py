"""Request Tracker, REST2: tickets are tickets, correspondence and comments are comments."""

from typing import Final

from mappings.endpoints import NUMBER
from mappings.manifest import Auth, Pacing, Vendor
from mappings.rt import account, errors
from mappings.rt.choices import CHOICES
from mappings.rt.comment_r1 import COMMENT
from mappings.rt.ticket_r1 import TICKET
from mappings.rt.unwrap import unwrap
from mappings.rt.wire_rest2 import Account

VENDOR: Final[Vendor[Account]] = Vendor(
    name="rt",
    title="Request Tracker",
    api_version="REST2",
    # Every installation has its own host. The connection names it, with its WebPath.
    default_base_url=None,
    auth=Auth(secrets=("token",), header="Authorization", template="token {token}"),
    # It has no limit, but a few processes serve API and people.
    pacing=Pacing(units=600, per_seconds=60, concurrency=4),
    headers=(("Accept", "application/json"),),
    remote_id=NUMBER,
    request_id_header=None,
    refusal=errors.refusal,
    account_requests=account.REQUESTS,
    build_account=account.build_account,
    unwrap=unwrap,
    choices=CHOICES,
    notifies=frozenset({"ticket"}),
    mappings=(TICKET, COMMENT),
    # A write is answered after its mails are sent.
    timeout_seconds=30.0,
    docs="https://docs.bestpractical.com/rt/5.0/RT/REST2.html",
)
