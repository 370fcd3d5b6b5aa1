"""Intercom: a signature over the body alone (see `body_signed`); the event id is in the body."""

from datetime import timedelta
from typing import Final

from msgspec import Raw, Struct

from app.signatures.body_signed import labelled
from app.signatures.claim import Claim, Verifier, text_key
from app.signatures.received import ReceivedEvent, dedupe_key, digest, epoch, members, record, scalar
from app.signatures.request import Headers, SignedRequest, required

_SECOND: Final = timedelta(seconds=1)


def _intercom(request: SignedRequest) -> Claim:
    digest = labelled(required(request.headers, b"x-hub-signature"), b"sha1=", 20)
    return Claim(content=(request.body,), hmacs=(digest,), algorithm="sha1")


INTERCOM: Final = Verifier(claim=_intercom, keys=text_key)
"""`X-Hub-Signature: sha1=…`: hex HMAC-SHA1 with the app's client secret. SHA-1 collisions do not weaken an HMAC
(RFC 6151, RFC 2104)."""


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
