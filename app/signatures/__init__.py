"""Verify webhook signatures, read verified webhooks, and sign outgoing ones. Pure: no I/O, no clock.

    handshake   answer an unsigned request that a vendor sends to test the URL
    verify      verify the signature over the raw body
    events_of   read the events of a verified request, each with a key for deduplication
    signed_headers, new_secret   sign outgoing webhooks (Standard Webhooks)

A scheme is data (`mappings.webhooks.Scheme`), declared in the folder of a vendor. A body is parsed only after its
signature is verified. The only exception that a request can cause is SignatureRefused.
"""

from app.signatures.claim import (
    MAX_SIGNATURES,
    Reason,
    Secret,
    SignatureRefused,
    SignedRequest,
    UnusableSecret,
)
from app.signatures.events import ReceivedEvent, events_of
from app.signatures.standard_webhooks import new_secret, signed_headers
from app.signatures.verify import HandshakeAnswer, check_secret, handshake, verify

__all__ = [
    "MAX_SIGNATURES",
    "HandshakeAnswer",
    "Reason",
    "ReceivedEvent",
    "Secret",
    "SignatureRefused",
    "SignedRequest",
    "UnusableSecret",
    "check_secret",
    "events_of",
    "handshake",
    "new_secret",
    "signed_headers",
    "verify",
]
