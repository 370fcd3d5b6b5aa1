"""Schemes with the event id in the signed body: HubSpot, Stripe, Intercom."""

from datetime import timedelta
from typing import Final

from msgspec import Raw, Struct

from app.signatures.received import ReceivedEvent, dedupe_key, digest, elements, epoch, members, moment, record, scalar
from app.signatures.request import Headers

_SECOND: Final = timedelta(seconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)


class _HubSpotEvent(Struct, frozen=True, kw_only=True, rename="camel"):
    portal_id: Raw = Raw()
    subscription_id: Raw = Raw()
    event_id: Raw = Raw()
    occurred_at: Raw = Raw()
    subscription_type: Raw = Raw()
    object_id: Raw = Raw()
    object_type_id: Raw = Raw()


def hubspot_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read each element of the array as one event. HubSpot's test button sends a single object without an array."""
    found = elements(body)
    return (_hubspot_event(body),) if found is None else tuple(_hubspot_event(bytes(element)) for element in found)


def _hubspot_event(payload: bytes) -> ReceivedEvent:
    event = members(payload, _HubSpotEvent)
    # HubSpot does not guarantee that eventId alone is unique.
    parts = [scalar(part) for part in (event.portal_id, event.subscription_id, event.event_id, event.occurred_at)]
    topic = scalar(event.subscription_type)
    named = (topic or "").partition(".")[0]
    # The generic `object.creation` has the object type in objectTypeId, such as `2-3453932`.
    kind, remote_id = record(scalar(event.object_type_id) if named == "object" else named, scalar(event.object_id))
    return ReceivedEvent(
        dedupe_key=dedupe_key("hubspot", *parts) if all(parts) else dedupe_key("hubspot", digest(payload)),
        topic=topic,
        occurred_at=epoch(event.occurred_at, _MILLISECOND),
        payload=payload,
        remote_object=kind,
        remote_id=remote_id,
    )


class _StripeEvent(Struct, frozen=True, kw_only=True):
    id: Raw = Raw()
    object: Raw = Raw()
    type: Raw = Raw()
    account: Raw = Raw()
    context: Raw = Raw()
    created: Raw = Raw()
    data: Raw = Raw()
    related_object: Raw = Raw()


class _StripeData(Struct, frozen=True, kw_only=True):
    object: Raw = Raw()


class _StripeObject(Struct, frozen=True, kw_only=True):
    id: Raw = Raw()
    object: Raw = Raw()
    type: Raw = Raw()


def stripe_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read a Stripe event.

    An `event` contains the object. A thin `v2.core.event` refers to it, with the account in `context` and the time in
    ISO 8601.
    """
    event = members(body, _StripeEvent)
    if scalar(event.object) not in ("event", "v2.core.event"):
        event = _StripeEvent()
    whole = members(members(event.data, _StripeData).object, _StripeObject)
    named = members(event.related_object, _StripeObject)
    kind, remote_id = record(scalar(whole.object), scalar(whole.id))
    if remote_id is None:
        kind, remote_id = record(scalar(named.type), scalar(named.id))
    received = ReceivedEvent(
        dedupe_key=dedupe_key(
            "stripe", scalar(event.account) or scalar(event.context), scalar(event.id) or digest(body)
        ),
        topic=scalar(event.type),
        occurred_at=epoch(event.created, _SECOND) or moment(scalar(event.created)),
        payload=body,
        remote_object=kind,
        remote_id=remote_id,
    )
    return (received,)


class _IntercomEvent(Struct, frozen=True, kw_only=True):
    id: Raw = Raw()
    type: Raw = Raw()
    topic: Raw = Raw()
    created_at: Raw = Raw()
    data: Raw = Raw()


class _IntercomData(Struct, frozen=True, kw_only=True):
    item: Raw = Raw()


class _IntercomItem(Struct, frozen=True, kw_only=True):
    id: Raw = Raw()
    type: Raw = Raw()


def intercom_events(headers: Headers, body: bytes) -> tuple[ReceivedEvent, ...]:
    """Read an Intercom event. The topic `ping`, sent on set-up, has no id and is an event too."""
    event = members(body, _IntercomEvent)
    if scalar(event.type) != "notification_event":
        event = _IntercomEvent()
    item = members(members(event.data, _IntercomData).item, _IntercomItem)
    kind, remote_id = record(scalar(item.type), scalar(item.id))
    received = ReceivedEvent(
        dedupe_key=dedupe_key("intercom", scalar(event.id) or digest(body)),
        topic=scalar(event.topic),
        occurred_at=epoch(event.created_at, _SECOND),
        payload=body,
        remote_object=kind,
        remote_id=remote_id,
    )
    return (received,)
