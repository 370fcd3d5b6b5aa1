"""Webhooks: the topics `customers/*` and `orders/*`, whose body is the record.

Topics and bodies are those of shopify.dev, WebhookSubscriptionTopic. `customers/redact` and `customers/data_request`
are legal requests, not changes of a record, so they are ignored.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from canonical.parts import ObjectName
from mappings.endpoints import NUMBER
from mappings.webhooks import (
    BODY,
    Envelope,
    Happened,
    Merge,
    Notice,
    Scheme,
    Signature,
    WebhookManifest,
    header,
    member,
)

TOPICS: Final[dict[str, tuple[ObjectName, Happened]]] = {
    "customers/create": ("customer", "created"),
    "customers/update": ("customer", "updated"),
    "customers/enable": ("customer", "updated"),
    "customers/disable": ("customer", "updated"),
    "customers/merge": ("customer", "updated"),
    "customers/delete": ("customer", "deleted"),
    "orders/create": ("order", "created"),
    "orders/updated": ("order", "updated"),
    "orders/edited": ("order", "updated"),
    "orders/paid": ("order", "updated"),
    "orders/cancelled": ("order", "updated"),
    "orders/fulfilled": ("order", "updated"),
    "orders/partially_fulfilled": ("order", "updated"),
    "orders/delete": ("order", "deleted"),
}
_ID: Final = re.compile(NUMBER)


class _Edit(Struct, frozen=True, kw_only=True):
    order_id: int | str | None = None


class _Elsewhere(Struct, frozen=True, kw_only=True):
    """Bodies that have the id in another member: an edit has the order's, a merge the remaining customer's."""

    order_edit: _Edit = _Edit()
    admin_graphql_api_customer_kept_id: str | None = None
    admin_graphql_api_customer_deleted_id: str | None = None


def notice(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> Notice | None:
    """Return the notice in a webhook, None for other topics."""
    known = TOPICS.get(topic or "")
    if known is None:
        return None
    object_name, happened = known
    merged = None
    if topic == "orders/edited":
        edited = _elsewhere(payload).order_edit.order_id
        remote_id = None if edited is None else str(edited)
    elif topic == "customers/merge":
        ids = _elsewhere(payload)
        remote_id = _number(ids.admin_graphql_api_customer_kept_id)
        merged = _number(ids.admin_graphql_api_customer_deleted_id)
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    merge = None if merged in (None, remote_id) else Merge(remote_ids=(merged,), into=remote_id)
    return Notice(object=object_name, remote_id=remote_id, happened=happened, merge=merge)


def _elsewhere(payload: bytes) -> _Elsewhere:
    try:
        return msgspec.json.decode(payload, type=_Elsewhere)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _Elsewhere()


def _number(gid: str | None) -> str | None:
    """Return the number of a global id, None without one."""
    number = (gid or "").rpartition("/")[2]
    return number if _ID.fullmatch(number) else None


def _shop(headers: Mapping[str, str], _payload: bytes) -> Mapping[str, str]:
    domain = headers.get("x-shopify-shop-domain")
    return {} if not domain else {"shop": domain.lower()}


SCHEME: Final = Scheme(
    name="shopify",
    # The key is the app's client secret. Shopify may take an hour to use a new one, so rotate with an overlap.
    signature=Signature(header="x-shopify-hmac-sha256"),
    envelope=Envelope(
        identity=(
            (header("x-shopify-shop-domain"),),
            (header("x-shopify-topic"),),
            (header("x-shopify-webhook-id"), BODY),
        ),
        topic=header("x-shopify-topic"),
        records=((header("x-shopify-topic", "([^/]+).*"), member("id")),),
        time=header("x-shopify-triggered-at"),
    ),
)
WEBHOOKS: Final = WebhookManifest(scheme=SCHEME, notice=notice, account=_shop)
