"""Zendesk: a signature over time and body; the id of the delivery is in a header that is not signed.

The signed parts are joined without their lengths. The strict form of the time keeps a byte of the body from moving into
it.
"""

import re
from typing import Final

from msgspec import Raw, Struct

from app.signatures.claim import (
    Claim,
    Verifier,
    base64_digest,
    believable,
    instant,
    text_key,
)
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
)
from app.signatures.request import Headers, SignedRequest, required

_ZENDESK_SUBJECT: Final = re.compile(r"zen:([a-z_]+):(.+)")
_ZENDESK_TYPE: Final = re.compile(r"zen:event-type:([a-z_]+)\..+")


def _zendesk(request: SignedRequest) -> Claim:
    signature = required(request.headers, b"x-zendesk-webhook-signature")
    timestamp = required(request.headers, b"x-zendesk-webhook-signature-timestamp")
    return Claim(
        content=(timestamp, request.body),
        hmacs=(believable(base64_digest(signature, 32)),),
        signed_at=instant(timestamp),
    )


ZENDESK: Final = Verifier(
    claim=_zendesk, keys=text_key, once=(b"x-zendesk-webhook-id", b"x-zendesk-webhook-invocation-id")
)
"""`X-Zendesk-Webhook-Signature`: base64 HMAC-SHA256 of timestamp and body, in this order, with the signing secret as
UTF-8 text. The body may be empty."""


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
        kind, remote_id = record(named[1] if named else None, scalar(members(event.detail, WithId).id))
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
