"""Requests that a vendor sends to see whether anybody is there. They are not signed and change nothing.

Signed pings (Intercom's topic `ping`, GitHub's event `ping`) are no handshakes: they are events and answered as such.
"""

import re
from dataclasses import dataclass
from typing import Final

from app.signatures.request import Headers, Scheme, values

_WOOCOMMERCE_PING: Final = re.compile(rb"webhook_id=[0-9]{1,20}")


@dataclass(frozen=True, kw_only=True, slots=True)
class HandshakeAnswer:
    """What to answer, at once and in place of any verification."""

    status: int
    body: bytes = b""


def handshake(scheme: Scheme, method: str, headers: Headers, body: bytes, *, pending: bool) -> HandshakeAnswer | None:
    """The answer to a handshake; None where the request is none and has to be verified. Raises nothing.

    WooCommerce activates a webhook only after its form `webhook_id=N` was answered with exactly 200
    (WC_Webhook::deliver_ping). Nothing proves who sent it, so it is taken only while the connection is `pending`.
    Intercom sends HEAD whenever the URL is saved (its guide "Set up webhooks").
    """
    if scheme == "intercom" and method == "HEAD":
        return HandshakeAnswer(status=200)
    if scheme != "woocommerce" or method != "POST" or not pending:
        return None
    if values(headers, b"x-wc-webhook-signature") or not _WOOCOMMERCE_PING.fullmatch(body):
        return None
    return HandshakeAnswer(status=200)
