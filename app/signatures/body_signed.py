"""Read signatures over the body alone, as Shopify, WooCommerce, Intercom and GitHub send them.

They sign neither a time nor the headers, so an attacker who saw a signed body can replay it under another delivery id.
A replay is harmless: receipts are kept longer than vendors retry, and an event only causes a refetch of the record.
"""

from app.signatures.claim import Claim, base64_digest, believable, hex_digest
from app.signatures.request import SignatureRefused, SignedRequest, required


def in_base64(header: bytes, request: SignedRequest) -> Claim:
    """Read a base64 HMAC-SHA256 of the body from a header. Raises SignatureRefused."""
    digest = believable(base64_digest(required(request.headers, header), 32))
    return Claim(content=(request.body,), hmacs=(digest,))


def labelled(value: bytes, label: bytes, size: int) -> bytes:
    """Read a hexadecimal digest of `size` bytes behind its label, such as `sha256=`. Raises SignatureRefused."""
    if not value.startswith(label):
        raise SignatureRefused("malformed")
    return believable(hex_digest(value.removeprefix(label), size))
