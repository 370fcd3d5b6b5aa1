"""Shopify: a signature over the body alone; topic, shop, id and time are in headers (see `body_signed`)."""

from typing import Final

from app.signatures.body_signed import in_base64
from app.signatures.claim import Claim, Verifier, text_key
from app.signatures.received import (
    ReceivedEvent,
    WithId,
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


def _shopify(request: SignedRequest) -> Claim:
    return in_base64(b"x-shopify-hmac-sha256", request)


SHOPIFY: Final = Verifier(
    claim=_shopify,
    keys=text_key,
    once=(b"x-shopify-topic", b"x-shopify-shop-domain", b"x-shopify-webhook-id", b"x-shopify-triggered-at"),
)
"""`X-Shopify-Hmac-Sha256`: base64 HMAC-SHA256 with the app's client secret. Shopify may take an hour to use a new
client secret, so rotate with an overlap."""


def shopify_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a Shopify event. The body is the resource alone; topic, shop, id and time are in headers."""
    topic = word(header(headers, b"x-shopify-topic"))
    delivery = header(headers, b"x-shopify-webhook-id") or digest(body)
    kind, remote_id = record((topic or "").partition("/")[0], scalar(members(body, WithId).id))
    event = ReceivedEvent(
        dedupe_key=dedupe_key(
            "shopify", header(headers, b"x-shopify-shop-domain"), header(headers, b"x-shopify-topic"), delivery
        ),
        topic=topic,
        occurred_at=moment(word(header(headers, b"x-shopify-triggered-at"))),
        payload=body,
        remote_object=kind,
        remote_id=remote_id,
    )
    return (event,)
