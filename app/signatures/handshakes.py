"""Handshakes: unsigned requests by which a vendor tests the URL (`Scheme.ping`). They change nothing.

Signed pings (Intercom's topic `ping`, GitHub's event `ping`) are events, not handshakes.
"""

from dataclasses import dataclass

from app.signatures.request import Headers, values
from mappings.webhooks import Scheme, Signature


@dataclass(frozen=True, kw_only=True, slots=True)
class HandshakeAnswer:
    """The answer to a handshake, sent instead of verifying the request."""

    status: int
    body: bytes = b""


def handshake(scheme: Scheme, method: str, headers: Headers, body: bytes, *, pending: bool) -> HandshakeAnswer | None:
    """Return the answer to a handshake, or None for a request that must be verified. Never raises."""
    ping = scheme.ping
    if ping is None or method != ping.method or (ping.only_pending and not pending):
        return None
    is_signed = isinstance(scheme.signature, Signature) and values(headers, scheme.signature.header.encode())
    return None if is_signed or not ping.body.fullmatch(body) else HandshakeAnswer(status=200)
