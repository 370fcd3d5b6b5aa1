"""Handshakes: unsigned requests by which a vendor tests the URL. They change nothing.

Signed pings (Intercom's topic `ping`, GitHub's event `ping`) are events, not handshakes.
"""

import re
from dataclasses import dataclass
from typing import Final

from app.signatures.request import Headers, Scheme, values

_WOOCOMMERCE_PING: Final = re.compile(rb"webhook_id=[0-9]{1,20}")


@dataclass(frozen=True, kw_only=True, slots=True)
class HandshakeAnswer:
    """The answer to a handshake, sent instead of verifying the request."""

    status: int
    body: bytes = b""


def handshake(scheme: Scheme, method: str, headers: Headers, body: bytes, *, pending: bool) -> HandshakeAnswer | None:
    """Return the answer to a handshake, or None for a request that must be verified. Never raises.

    WooCommerce activates a webhook only after it receives exactly 200 for its form `webhook_id=N`
    (WC_Webhook::deliver_ping). That form is unauthenticated, so it is accepted only while the connection is `pending`.
    Intercom sends HEAD whenever the URL is saved (its guide "Set up webhooks").
    """
    if scheme == "intercom" and method == "HEAD":
        return HandshakeAnswer(status=200)
    if scheme != "woocommerce" or method != "POST" or not pending:
        return None
    if values(headers, b"x-wc-webhook-signature") or not _WOOCOMMERCE_PING.fullmatch(body):
        return None
    return HandshakeAnswer(status=200)
