"""Schemes with the event id in a header: Shopify, Zendesk, WooCommerce, GitHub, Standard Webhooks.

Only Standard Webhooks signs that header. A repeated header reads as absent here; `verify` refuses it earlier.
"""

import re
from typing import Final

from msgspec import Raw, Struct

from app.signatures.received import ReceivedEvent, dedupe_key, digest, header, members, moment, record, scalar, word
from app.signatures.request import Headers

_ZENDESK_SUBJECT: Final = re.compile(r"zen:([a-z_]+):(.+)")
_ZENDESK_TYPE: Final = re.compile(r"zen:event-type:([a-z_]+)\..+")


class _WithId(Struct, frozen=True, kw_only=True):
    id: Raw = Raw()


def shopify_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a Shopify event. The body is the resource alone; topic, shop, id and time are in headers."""
    topic = word(header(headers, b"x-shopify-topic"))
    delivery = header(headers, b"x-shopify-webhook-id") or digest(body)
    kind, remote_id = record((topic or "").partition("/")[0], scalar(members(body, _WithId).id))
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


class _ZendeskEvent(Struct, frozen=True, kw_only=True):
    id: Raw = Raw()
    type: Raw = Raw()
    time: Raw = Raw()
    subject: Raw = Raw()
    detail: Raw = Raw()


def zendesk_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a Zendesk event.

    Event subscriptions send an envelope. The author of a trigger or automation writes its webhook's body freely, so
    the members count only where `type` is a Zendesk event type.
    """
    event = members(body, _ZendeskEvent)
    topic = scalar(event.type)
    named = _ZENDESK_TYPE.fullmatch(topic or "")
    if named is None:
        event, topic = _ZendeskEvent(), None
    subject = _ZENDESK_SUBJECT.fullmatch(scalar(event.subject) or "")
    if subject is not None:
        kind, remote_id = record(subject[1], subject[2])
    else:
        kind, remote_id = record(named[1] if named else None, scalar(members(event.detail, _WithId).id))
    invocation = header(headers, b"x-zendesk-webhook-invocation-id")
    received = ReceivedEvent(
        dedupe_key=dedupe_key(
            "zendesk",
            header(headers, b"x-zendesk-webhook-id"),
            invocation or scalar(event.id) or digest(body),
        ),
        topic=topic,
        occurred_at=moment(scalar(event.time)),
        payload=body,
        remote_object=kind,
        remote_id=remote_id,
    )
    return (received,)


class _WooCommerceResource(Struct, frozen=True, kw_only=True):
    id: Raw = Raw()
    date_modified: Raw = Raw()
    date_modified_gmt: Raw = Raw()


def woocommerce_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a WooCommerce event.

    X-WC-Webhook-Delivery-ID hashes the webhook's id and the second, so two events of one second share it and it cannot
    be the identity. A body without a time (a deletion sends only `{"id"}`, and a restored record can be deleted again)
    is identified by it, to tell a second event from a copy of the first.
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


def github_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a GitHub event. A `ping`, sent on set-up, is an event too. The shape of the body depends on the event."""
    received = ReceivedEvent(
        dedupe_key=dedupe_key("github", header(headers, b"x-github-delivery") or digest(body)),
        topic=word(header(headers, b"x-github-event")),
        occurred_at=None,
        payload=body,
    )
    return (received,)


class _StandardEvent(Struct, frozen=True, kw_only=True):
    type: Raw = Raw()
    timestamp: Raw = Raw()


def standard_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a Standard Webhooks event. The header has the time of the attempt; the body may have that of the event."""
    event = members(body, _StandardEvent)
    received = ReceivedEvent(
        dedupe_key=dedupe_key("standard-webhooks", header(headers, b"webhook-id") or digest(body)),
        topic=scalar(event.type),
        occurred_at=moment(scalar(event.timestamp)),
        payload=body,
    )
    return (received,)
