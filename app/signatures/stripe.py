"""Stripe: a signature over time and body; the event id is in the body."""

from datetime import timedelta
from typing import Final

from msgspec import Raw, Struct

from app.signatures.claim import Claim, Verifier, hex_digest, text_key, unix_seconds
from app.signatures.received import ReceivedEvent, dedupe_key, digest, epoch, members, moment, record, scalar
from app.signatures.request import MAX_SIGNATURES, Headers, SignatureRefused, SignedRequest, required

_SECOND: Final = timedelta(seconds=1)


def _stripe(request: SignedRequest) -> Claim:
    pairs = [item.partition(b"=")[::2] for item in required(request.headers, b"stripe-signature").split(b",")]
    if len(pairs) > MAX_SIGNATURES:
        raise SignatureRefused("malformed")
    times = [value for name, value in pairs if name == b"t"]
    if len(times) > 1:
        raise SignatureRefused("duplicate")
    digests = [hex_digest(value, 32) for name, value in pairs if name == b"v1"]
    readable = tuple(digest for digest in digests if digest is not None)
    if not times or not readable:
        raise SignatureRefused("malformed")
    return Claim(content=(times[0], b".", request.body), hmacs=readable, signed_at=unix_seconds(times[0]))


STRIPE: Final = Verifier(claim=_stripe, keys=text_key)
"""`Stripe-Signature: t=…,v1=…`: hex HMAC-SHA256 of `t.body` with the whole `whsec_…` string as key. During a rotation
there is one v1 per live secret. v0, which only test mode sends, is ignored."""


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
