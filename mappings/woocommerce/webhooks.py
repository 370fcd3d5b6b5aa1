"""Webhooks: the topics `customer.*` and `order.*`.

The body is the record as in the REST API, or only `{"id"}` after a deletion. Products, coupons and the hooks of plugins
(`action.*`) are ignored.
"""

import re
from collections.abc import Mapping
from typing import Final

from canonical import values
from canonical.parts import ObjectName
from mappings.endpoints import NUMBER
from mappings.webhooks import (
    BODY,
    Envelope,
    Happened,
    Notice,
    Ping,
    Scheme,
    Signature,
    WebhookManifest,
    header,
    member,
)

OBJECTS: Final[dict[str, ObjectName]] = {"customer": "customer", "order": "order"}
HAPPENED: Final[dict[str, Happened]] = {
    "created": "created",
    "updated": "updated",
    "restored": "updated",
    "deleted": "deleted",
}
_ID: Final = re.compile(NUMBER)


def notice(topic: str | None, _remote_object: str | None, remote_id: str | None, _payload: bytes) -> Notice | None:
    """Return the notice in a webhook, None for other topics."""
    kind, _, what = (topic or "").partition(".")
    object_name, happened = OBJECTS.get(kind), HAPPENED.get(what)
    if object_name is None or happened is None:
        return None
    if remote_id is None or not _ID.fullmatch(remote_id):
        return None
    return Notice(object=object_name, remote_id=remote_id, happened=happened)


def _site(headers: Mapping[str, str], _payload: bytes) -> Mapping[str, str]:
    source = headers.get("x-wc-webhook-source", "").partition("://")[2].strip("/").lower()
    return {} if not source else {"site": source}


_PING: Final = re.compile(rb"webhook_id=[0-9]{1,20}")
# The entities that WordPress's wp_specialchars_decode decodes with ENT_QUOTES: five characters, in these spellings.
_ENTITY: Final = re.compile(r"&(?:lt|gt|amp|quot|#0*(?:34|38|39|60|62)|#[xX]0*2[267]);")


def keys_of(secret: str) -> tuple[str, ...]:
    """Return the keys of a secret: with its HTML entities decoded, and as it is. WooCommerce signs with the decoded one
    (WC_Webhook::generate_signature); the operator may have copied the stored or the displayed form."""
    return tuple(dict.fromkeys((_ENTITY.sub(lambda entity: values.unescaped(entity[0]), secret), secret)))


SCHEME: Final = Scheme(
    name="woocommerce",
    signature=Signature(header="x-wc-webhook-signature", keys=keys_of),
    # The delivery id hashes the webhook's id and the second, so two events of one second share it. A body without a
    # time (a deletion, which a restored record can have again) is identified by it all the same.
    envelope=Envelope(
        identity=(
            (header("x-wc-webhook-source"),),
            (header("x-wc-webhook-id"),),
            (header("x-wc-webhook-topic"),),
            (member("id"),),
            (member("date_modified_gmt"), member("date_modified"), header("x-wc-webhook-delivery-id")),
            (BODY,),
        ),
        topic=header("x-wc-webhook-topic"),
        records=((header("x-wc-webhook-topic", r"([^.]+).*"), member("id")),),
        time=member("date_modified_gmt"),
        zone="Z",
    ),
    # WooCommerce activates a webhook only after exactly 200 for this form (WC_Webhook::deliver_ping).
    ping=Ping(method="POST", body=_PING, only_pending=True),
)
WEBHOOKS: Final = WebhookManifest(scheme=SCHEME, notice=notice, account=_site)
