"""WooCommerce: a signature over the body alone; topic and delivery are in headers (see `body_signed`)."""

import re
from typing import Final

from msgspec import Raw, Struct

from app.signatures.body_signed import in_base64
from app.signatures.claim import (
    Claim,
    Key,
    Verifier,
    text_key,
)
from app.signatures.received import (
    ReceivedEvent,
    dedupe_key,
    digest,
    header,
    members,
    moment,
    record,
    scalar,
    word,
)
from app.signatures.request import Headers, SignedRequest

# The entities that WordPress's wp_specialchars_decode decodes with ENT_QUOTES: five characters, in these spellings.
_ENTITY: Final = re.compile(r"&(?:lt|gt|amp|quot|#0*(?:34|38|39|60|62)|#[xX]0*2[267]);")
_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


def woocommerce_keys(secret: str) -> tuple[Key, ...]:
    """Return the keys of a WooCommerce secret: with its HTML entities decoded, and as given. Raises UnusableSecret.

    WooCommerce signs with the decoded secret (WC_Webhook::generate_signature). The operator may have copied the stored
    or the displayed form, so both are accepted.
    """
    (as_given,) = text_key(secret)
    (decoded,) = text_key(_ENTITY.sub(_character, secret))
    return (decoded,) if decoded == as_given else (decoded, as_given)


def _character(entity: re.Match[str]) -> str:
    name = entity.group()[1:-1]
    if name in _ENTITIES:
        return _ENTITIES[name]
    return chr(int(name[2:], 16) if name[1] in "xX" else int(name[1:]))


def _woocommerce(request: SignedRequest) -> Claim:
    return in_base64(b"x-wc-webhook-signature", request)


WOOCOMMERCE: Final = Verifier(
    claim=_woocommerce,
    keys=woocommerce_keys,
    once=(
        b"x-wc-webhook-source",
        b"x-wc-webhook-id",
        b"x-wc-webhook-topic",
        b"x-wc-webhook-delivery-id",
    ),
)
"""`X-WC-Webhook-Signature`: base64 HMAC-SHA256 with the webhook's own secret."""


class _WooCommerceResource(Struct, frozen=True, kw_only=True):
    id: Raw = Raw()
    date_modified: Raw = Raw()
    date_modified_gmt: Raw = Raw()


def woocommerce_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a WooCommerce event.

    X-WC-Webhook-Delivery-ID hashes the webhook's id and the second, so two events of one second share it and it cannot
    be the identity. A body without a time (a deletion sends only `{"id"}`, and a restored record can be deleted again)
    is identified by it, so that a second event is not taken for a copy of the first.
    """
    resource = members(body, _WooCommerceResource)
    topic = word(header(headers, b"x-wc-webhook-topic"))
    modified = scalar(resource.date_modified_gmt) or scalar(resource.date_modified)
    kind, remote_id = record((topic or "").partition(".")[0], scalar(resource.id))
    received = ReceivedEvent(
        dedupe_key=dedupe_key(
            "woocommerce",
            header(headers, b"x-wc-webhook-source"),
            header(headers, b"x-wc-webhook-id"),
            header(headers, b"x-wc-webhook-topic"),
            scalar(resource.id),
            modified or header(headers, b"x-wc-webhook-delivery-id"),
            digest(body),
        ),
        topic=topic,
        occurred_at=moment(scalar(resource.date_modified_gmt), zone="Z"),
        payload=body,
        remote_object=kind,
        remote_id=remote_id,
    )
    return (received,)
