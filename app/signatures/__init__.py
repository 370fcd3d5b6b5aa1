"""Webhook signatures: who sent this, what does it tell, and how we sign our own. Pure: no I/O, no clock.

    handshake   an unsigned request by which a vendor looks for us, and its answer
    verify      the proof that a request comes from the vendor, over its raw bytes
    events_of   what a verified request tells, each event with the identity by which its copies are known
    signed_headers, new_secret   Standard Webhooks for what we deliver

A body is not parsed before its signature is proven, and no byte of a request makes anything raise but
SignatureRefused.
"""

from app.signatures.events import events_of
from app.signatures.handshakes import HandshakeAnswer, handshake
from app.signatures.received import ReceivedEvent
from app.signatures.request import (
    MAX_SIGNATURES,
    Headers,
    Reason,
    Scheme,
    Secret,
    SignatureRefused,
    SignedRequest,
    UnusableSecret,
)
from app.signatures.standard import SECRET_BYTES, new_secret, signed_headers
from app.signatures.verifying import TOLERANCE, VERIFIERS, check_secret, verify

__all__ = [
    "MAX_SIGNATURES",
    "SECRET_BYTES",
    "TOLERANCE",
    "VERIFIERS",
    "HandshakeAnswer",
    "Headers",
    "Reason",
    "ReceivedEvent",
    "Scheme",
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
