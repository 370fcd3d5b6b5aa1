"""The scheme for senders without signatures, such as Freshdesk's automation rules: a secret in a header.

An administrator writes the body from Lockstitch's template. The secret is sent with every request, so it needs TLS, and
anyone who reads one request can forge others. An event therefore only causes a refetch of the record.
"""

import re
from typing import Final

from app.signatures.claim import (
    Claim,
    Key,
    SignatureRefused,
    SignedRequest,
    UnusableSecret,
    Verifier,
    required,
    text_key,
)

HEADER: Final = b"x-lockstitch-secret"
SHORTEST: Final = 16
_SECRET: Final = re.compile(rb"[!-~]{%d,255}" % SHORTEST)
"""Visible ASCII, which every settings form accepts and no proxy changes."""


def _claim(request: SignedRequest) -> Claim:
    secret = required(request.headers, HEADER)
    if not _SECRET.fullmatch(secret):
        raise SignatureRefused("malformed")
    return Claim(content=(), hmacs=(), secret=secret)


def _keys(secret: str) -> tuple[Key, ...]:
    key = text_key(secret)
    if not _SECRET.fullmatch(key):
        raise UnusableSecret(f"a shared secret must have {SHORTEST} to 255 visible ASCII characters and no space")
    return (key,)


SHARED_SECRET: Final = Verifier(claim=_claim, keys=_keys)
"""`X-Lockstitch-Secret`: the secret itself, compared in constant time. Neither body nor time is authenticated."""
