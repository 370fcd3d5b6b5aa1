"""HubSpot's webhooks: `contact.creation`, `ticket.propertyChange`, `order.deletion`, and the generic `object.creation`.

Names and members: developers.hubspot.com, Webhooks API, section "Webhooks payload".
"""

import re
from typing import Final

from msgspec import Struct

from canonical.parts import ObjectName
from mappings.endpoints import NUMBER
from mappings.hubspot.account import portal_of
from mappings.hubspot.unwrap import TYPE_IDS
from mappings.kit.refusals import read, text
from mappings.webhooks import (
    BODY,
    Envelope,
    Happened,
    Merge,
    Notice,
    Part,
    Scheme,
    Signature,
    WebhookManifest,
    member,
)

# The names of older subscriptions, and the type ids of generic ones.
OBJECTS: Final[dict[str, ObjectName]] = {
    "contact": "customer",
    "ticket": "ticket",
    "order": "order",
    **{type_id: name for name, type_id in TYPE_IDS.items()},
}
LINES: Final = ("line_item", "0-8")
"""The names of line items. Here they are a part of their order."""
HAPPENED: Final[dict[str, Happened]] = {
    "creation": "created",
    "propertyChange": "updated",
    "associationChange": "updated",
    "merge": "updated",
    "restore": "updated",
    "deletion": "deleted",
    "privacyDeletion": "deleted",
}
_ID: Final = re.compile(NUMBER)


class _Ids(Struct, frozen=True, kw_only=True, rename="camel"):
    """The ids of a merge, which may create a new record, and of an association."""

    new_object_id: int | str | None = None
    primary_object_id: int | str | None = None
    from_object_id: int | str | None = None
    to_object_id: int | str | None = None
    association_type: str | None = None
    merged_object_ids: tuple[int | str, ...] = ()


def notice(topic: str | None, remote_object: str | None, remote_id: str | None, payload: bytes) -> Notice | None:
    """Return the notice of one element of HubSpot's array, None for other topics."""
    kind, _, what = (topic or "").partition(".")
    about = (remote_object or "") if kind == "object" else kind
    object_name = OBJECTS.get(about)
    happened = HAPPENED.get(what)
    if about in LINES and happened is not None:
        return _of_line(what, remote_id, payload)
    if object_name is None or happened is None:
        return None
    ids = read(payload, _Ids) or _Ids()
    if what == "merge":
        remote_id = text(ids.new_object_id) or text(ids.primary_object_id) or remote_id
    elif what == "associationChange":
        remote_id = text(ids.from_object_id) or remote_id
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    return Notice(
        object=object_name,
        remote_id=remote_id,
        happened=happened,
        merge=_merge(ids, remote_id) if what == "merge" else None,
    )


def _of_line(what: str, remote_id: str | None, payload: bytes) -> Notice | None:
    """Return the notice of a line item, which changes its order. An association that was removed names the order."""
    ids = read(payload, _Ids) or _Ids()
    line = text(ids.from_object_id) if what == "associationChange" else remote_id
    if what == "associationChange" and "ORDER" in (ids.association_type or "").upper():
        order = text(ids.to_object_id)
        if order is not None and _ID.fullmatch(order):
            return Notice(object="order", remote_id=order, happened="updated")
    if line is None or not _ID.fullmatch(line):
        return None
    part = Part(remote_id=line, is_gone=what == "deletion")
    return Notice(object="order", remote_id="", happened="updated", part=part)


def _merge(ids: _Ids, into: str) -> Merge | None:
    """Return the merge into a record: of all others, the primary one included if a new record was created."""
    named = (text(one) for one in (*ids.merged_object_ids, ids.primary_object_id))
    merged = dict.fromkeys(one for one in named if one is not None and one != into and _ID.fullmatch(one))
    return Merge(remote_ids=tuple(merged), into=into) if merged else None


# RFC 3986. A path or query has no raw bracket or brace, and every HubSpot body starts with one, so the start of a body
# cannot pass for the end of the URI. (A byte that moves the other way makes it another URI.)
_URL: Final = re.compile(r"https?://[\[\]A-Za-z0-9._:-]+/[A-Za-z0-9._~:/?@!$&'()*+,;=%-]*")
# The only escapes that HubSpot decodes before it signs (its page "Validating requests", section on v3).
_ESCAPE: Final = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


def signed_url(url: str) -> str | None:
    """Return the URL as HubSpot signs it, None for one that could run into the body."""
    return _ESCAPE.sub(lambda escape: chr(int(escape[0][1:], 16)), url) if _URL.fullmatch(url) else None


SCHEME: Final = Scheme(
    name="hubspot",
    # The key is the app's client secret. The older headers, v1 and v2, do not sign a time and are ignored.
    signature=Signature(
        header="x-hubspot-signature-v3",
        time="x-hubspot-request-timestamp",
        clock="milliseconds",
        signed=("method", "url", "body", "time"),
        url=signed_url,
    ),
    envelope=Envelope(
        # HubSpot does not guarantee that eventId alone is unique.
        identity=(
            (member("portalId"),),
            (member("subscriptionId"),),
            (member("eventId"), BODY),
            (member("occurredAt"), BODY),
        ),
        topic=member("subscriptionType"),
        # The generic `object.creation` has the object type in objectTypeId, such as `2-3453932`.
        records=(
            (member("subscriptionType", r"(?!object\.)([^.]+).*"), member("objectId")),
            (member("objectTypeId"), member("objectId")),
        ),
        time=member("occurredAt"),
        unit="milliseconds",
        many=True,  # the test button sends one event without an array
    ),
)
WEBHOOKS: Final = WebhookManifest(
    scheme=SCHEME,
    notice=notice,
    changing=frozenset({"attemptNumber"}),
    exact=True,
    account=lambda _headers, payload: portal_of(payload),
)
