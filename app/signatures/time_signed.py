"""Schemes that sign a time with the body: HubSpot v3, Zendesk, Stripe.

The signed parts are joined without their lengths, so moving a byte from one part to the next would keep the signature
valid. The strict forms of times and URLs prevent that.
"""

import re
from typing import Final

from app.signatures.claim import (
    Claim,
    Verifier,
    base64_digest,
    believable,
    hex_digest,
    instant,
    text_key,
    unix_milliseconds,
    unix_seconds,
)
from app.signatures.request import MAX_SIGNATURES, SignatureRefused, SignedRequest, required

_METHOD: Final = re.compile(r"[A-Z]{1,16}")

# RFC 3986. A path or query has no raw bracket or brace, and every HubSpot body starts with one, so the start of a body
# cannot pass for the end of the URI. (A byte that moves the other way makes it another URI.)
_URL: Final = re.compile(r"https?://[\[\]A-Za-z0-9._:-]+/[A-Za-z0-9._~:/?@!$&'()*+,;=%-]*")

# The only escapes that HubSpot decodes before it signs (its page "Validating requests", section on v3).
_ESCAPE: Final = re.compile(rb"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)


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


def _zendesk(request: SignedRequest) -> Claim:
    signature = required(request.headers, b"x-zendesk-webhook-signature")
    timestamp = required(request.headers, b"x-zendesk-webhook-signature-timestamp")
    return Claim(
        content=(timestamp, request.body),
        hmacs=(believable(base64_digest(signature, 32)),),
        signed_at=instant(timestamp),
    )


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


HUBSPOT: Final = Verifier(claim=_hubspot, keys=text_key)
"""`X-HubSpot-Signature-v3`: base64 HMAC-SHA256 of method, URI, body and `X-HubSpot-Request-Timestamp` (milliseconds)
with the app's client secret. HubSpot also sends the older v1 and v2 headers; they do not sign a time and are
ignored."""

ZENDESK: Final = Verifier(
    claim=_zendesk, keys=text_key, once=(b"x-zendesk-webhook-id", b"x-zendesk-webhook-invocation-id")
)
"""`X-Zendesk-Webhook-Signature`: base64 HMAC-SHA256 of timestamp and body, in this order, with the signing secret as
UTF-8 text. The body may be empty."""

STRIPE: Final = Verifier(claim=_stripe, keys=text_key)
"""`Stripe-Signature: t=…,v1=…`: hex HMAC-SHA256 of `t.body` with the whole `whsec_…` string as key. During a rotation
there is one v1 per live secret. v0, which only test mode sends, is ignored."""
