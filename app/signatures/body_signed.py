"""Schemes that sign only the body: Shopify, WooCommerce, Intercom, GitHub.

They sign neither a time nor the headers, so an attacker who saw a signed body can replay it under another delivery id.
A replay is harmless: receipts are kept longer than vendors retry, and an event only causes a refetch of the record.
"""

import re
from typing import Final

from app.signatures.claim import Claim, Key, Verifier, base64_digest, believable, hex_digest, text_key
from app.signatures.request import SignatureRefused, SignedRequest, required

# The entities that WordPress's wp_specialchars_decode decodes with ENT_QUOTES: five characters, in these spellings.
_ENTITY: Final = re.compile(r"&(?:lt|gt|amp|quot|#0*(?:34|38|39|60|62)|#[xX]0*2[267]);")
_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


def woocommerce_keys(secret: str) -> tuple[Key, ...]:
    """Return the keys of a WooCommerce secret: with its HTML entities decoded, and as given. Raises UnusableSecret.

    WooCommerce signs with the decoded secret (WC_Webhook::generate_signature). The operator may have copied the stored
    or the displayed form, so both are accepted.
    """
    (as_given,) = text_key(secret)
    (decoded,) = text_key(_ENTITY.sub(_character, secret))
    return (decoded,) if decoded == as_given else (decoded, as_given)


def _character(entity: re.Match[str]) -> str:
    name = entity.group()[1:-1]
    if name in _ENTITIES:
        return _ENTITIES[name]
    return chr(int(name[2:], 16) if name[1] in "xX" else int(name[1:]))


def _in_base64(header: bytes, request: SignedRequest) -> Claim:
    digest = believable(base64_digest(required(request.headers, header), 32))
    return Claim(content=(request.body,), hmacs=(digest,))


def _shopify(request: SignedRequest) -> Claim:
    return _in_base64(b"x-shopify-hmac-sha256", request)


def _woocommerce(request: SignedRequest) -> Claim:
    return _in_base64(b"x-wc-webhook-signature", request)


def _intercom(request: SignedRequest) -> Claim:
    digest = _labelled(required(request.headers, b"x-hub-signature"), b"sha1=", 20)
    return Claim(content=(request.body,), hmacs=(digest,), algorithm="sha1")


def _github(request: SignedRequest) -> Claim:
    digest = _labelled(required(request.headers, b"x-hub-signature-256"), b"sha256=", 32)
    return Claim(content=(request.body,), hmacs=(digest,))


def _labelled(value: bytes, label: bytes, size: int) -> bytes:
    if not value.startswith(label):
        raise SignatureRefused("malformed")
    return believable(hex_digest(value.removeprefix(label), size))


SHOPIFY: Final = Verifier(
    claim=_shopify,
    keys=text_key,
    once=(b"x-shopify-topic", b"x-shopify-shop-domain", b"x-shopify-webhook-id", b"x-shopify-triggered-at"),
)
"""`X-Shopify-Hmac-Sha256`: base64 HMAC-SHA256 with the app's client secret. Shopify may take an hour to use a new
client secret, so rotate with an overlap."""

WOOCOMMERCE: Final = Verifier(
    claim=_woocommerce,
    keys=woocommerce_keys,
    once=(
        b"x-wc-webhook-source",
        b"x-wc-webhook-id",
        b"x-wc-webhook-topic",
        b"x-wc-webhook-delivery-id",
    ),
)
"""`X-WC-Webhook-Signature`: base64 HMAC-SHA256 with the webhook's own secret."""

INTERCOM: Final = Verifier(claim=_intercom, keys=text_key)
"""`X-Hub-Signature: sha1=…`: hex HMAC-SHA1 with the app's client secret. SHA-1 collisions do not weaken an HMAC
(RFC 6151, RFC 2104)."""

GITHUB: Final = Verifier(claim=_github, keys=text_key, once=(b"x-github-delivery", b"x-github-event"))
"""`X-Hub-Signature-256: sha256=…`: hex HMAC-SHA256 with the webhook's secret. The older SHA-1 header is ignored."""
