"""HubSpot: signature v3 over method, URI, body and time; several events in one body.

The signed parts are joined without their lengths, so moving a byte from one part to the next would keep the signature
valid. The strict forms of times and URLs prevent that.
"""

import re
from datetime import timedelta
from typing import Final

from msgspec import Raw, Struct

from app.signatures.claim import (
    Claim,
    Verifier,
    base64_digest,
    believable,
    text_key,
    unix_milliseconds,
)
from app.signatures.received import (
    ReceivedEvent,
    dedupe_key,
    digest,
    elements,
    epoch,
    members,
    record,
    scalar,
)
from app.signatures.request import Headers, SignatureRefused, SignedRequest, required

_METHOD: Final = re.compile(r"[A-Z]{1,16}")

# RFC 3986. A path or query has no raw bracket or brace, and every HubSpot body starts with one, so the start of a body
# cannot pass for the end of the URI. (A byte that moves the other way makes it another URI.)
_URL: Final = re.compile(r"https?://[\[\]A-Za-z0-9._:-]+/[A-Za-z0-9._~:/?@!$&'()*+,;=%-]*")

# The only escapes that HubSpot decodes before it signs (its page "Validating requests", section on v3).
_ESCAPE: Final = re.compile(rb"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
_MILLISECOND: Final = timedelta(milliseconds=1)


def _hubspot(request: SignedRequest) -> Claim:
    signature = required(request.headers, b"x-hubspot-signature-v3")
    timestamp = required(request.headers, b"x-hubspot-request-timestamp")
    if not _METHOD.fullmatch(request.method) or not _URL.fullmatch(request.url):
        raise SignatureRefused("malformed")
    uri = _ESCAPE.sub(lambda escape: bytes((int(escape.group()[1:], 16),)), request.url.encode("ascii"))
    return Claim(
        content=(request.method.encode("ascii"), uri, request.body, timestamp),
        hmacs=(believable(base64_digest(signature, 32)),),
        signed_at=unix_milliseconds(timestamp),
    )


HUBSPOT: Final = Verifier(claim=_hubspot, keys=text_key)
"""`X-HubSpot-Signature-v3`: base64 HMAC-SHA256 of method, URI, body and `X-HubSpot-Request-Timestamp` (milliseconds)
with the app's client secret. HubSpot also sends the older v1 and v2 headers; they do not sign a time and are
ignored."""


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
