"""Webhooks of Stripe: `customer.*`, `invoice.*` and `checkout.session.*`, with the object inside the event.

Topics: https://docs.stripe.com/api/events/types. An event of a subscription changes the customer, because subscriptions
are read with it. `invoice.upcoming` is about an invoice that does not exist yet.
"""

import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from canonical.parts import ObjectName
from mappings.kit.refusals import read
from mappings.webhooks import BODY, Envelope, Happened, Notice, Scheme, Signature, WebhookManifest, member

TOPICS: Final[dict[str, tuple[ObjectName, Happened]]] = {
    "customer.created": ("customer", "created"),
    "customer.updated": ("customer", "updated"),
    "customer.deleted": ("customer", "deleted"),
    "customer.subscription.created": ("customer", "updated"),
    "customer.subscription.deleted": ("customer", "updated"),
    "customer.subscription.paused": ("customer", "updated"),
    "customer.subscription.pending_update_applied": ("customer", "updated"),
    "customer.subscription.resumed": ("customer", "updated"),
    "customer.subscription.updated": ("customer", "updated"),
    "customer.tax_id.created": ("customer", "updated"),
    "customer.tax_id.deleted": ("customer", "updated"),
    "customer.tax_id.updated": ("customer", "updated"),
    "invoice.created": ("order", "created"),
    "invoice.deleted": ("order", "deleted"),
    "invoice.finalized": ("order", "updated"),
    "invoice.finalization_failed": ("order", "updated"),
    "invoice.marked_uncollectible": ("order", "updated"),
    "invoice.overdue": ("order", "updated"),
    "invoice.overpaid": ("order", "updated"),
    "invoice.paid": ("order", "updated"),
    "invoice.payment_action_required": ("order", "updated"),
    "invoice.payment_failed": ("order", "updated"),
    "invoice.payment_succeeded": ("order", "updated"),
    "invoice.sent": ("order", "updated"),
    "invoice.updated": ("order", "updated"),
    "invoice.voided": ("order", "updated"),
    "checkout.session.async_payment_failed": ("order", "updated"),
    "checkout.session.async_payment_succeeded": ("order", "updated"),
    "checkout.session.completed": ("order", "updated"),
    "checkout.session.expired": ("order", "updated"),
}
REMOTE_ID: Final = r"[A-Za-z0-9_.-]{1,255}"
"""Ids have a prefix, letters and digits. Imported customers can have other ids."""
SETUP: Final = "setup"
_ID: Final = re.compile(REMOTE_ID)


class _Object(Struct, frozen=True, kw_only=True):
    customer: str | None = None
    mode: str | None = None


class _Data(Struct, frozen=True, kw_only=True):
    object: _Object = _Object()


class _Mode(Struct, frozen=True, kw_only=True):
    livemode: bool | None = None


class _Event(Struct, frozen=True, kw_only=True):
    """Only an event of a connected account (Connect) has `account`. The configured key cannot read its records."""

    data: _Data = _Data()
    account: str | None = None


def notice(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> Notice | None:
    """Return what happened to which record, None if no mapping concerns it."""
    known = TOPICS.get(topic or "")
    if known is None:
        return None
    object_name, happened = known
    event = read(payload, _Event) or _Event()
    if event.account is not None:
        return None
    inner = event.data.object
    if object_name == "customer" and remote_object != "customer":
        remote_id = inner.customer  # subscriptions and tax numbers have the id of their customer
    if inner.mode == SETUP or remote_id is None or not _ID.fullmatch(remote_id):
        return None
    return Notice(object=object_name, remote_id=remote_id, happened=happened)


def _mode(_headers: Mapping[str, str], payload: bytes) -> Mapping[str, str]:
    livemode = (read(payload, _Mode) or _Mode()).livemode
    return {} if livemode is None else {"mode": "live" if livemode else "test"}


SCHEME: Final = Scheme(
    name="stripe",
    # `t=…,v1=…`, with the whole `whsec_…` string as key. v0, which only test mode sends, is ignored.
    signature=Signature(
        header="stripe-signature", pairs=("t", "v1"), encoding="hex", signed=("time", ".", "body"), clock="seconds"
    ),
    # An `event` contains the object. A thin `v2.core.event` refers to it, and has the account in `context`.
    envelope=Envelope(
        genuine=member("object", r"event|v2\.core\.event"),
        identity=((member("account"), member("context")), (member("id"), BODY)),
        topic=member("type"),
        records=(
            (member("data.object.object"), member("data.object.id")),
            (member("related_object.type"), member("related_object.id")),
        ),
        time=member("created"),
    ),
)
WEBHOOKS: Final = WebhookManifest(scheme=SCHEME, notice=notice, changing=frozenset({"pending_webhooks"}), account=_mode)
