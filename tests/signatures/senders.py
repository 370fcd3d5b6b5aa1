"""How each vendor signs, written from the vendors' pages and sharing nothing with the verifiers: the other side."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.signatures import Reason, ReceivedEvent, Secret, SignatureRefused, SignedRequest

from .bodies import BODIES, SECRETS
from .schemes import events_of, verify

NOW: Final = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
URL: Final = "https://hooks.example.com/v1/webhooks/shop-one"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request as a vendor sends it."""

    scheme: str
    method: str = "POST"
    url: str = URL
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def request(self) -> SignedRequest:
        """As the server hands it on."""
        return SignedRequest(method=self.method, url=self.url, headers=self.headers, body=self.body)

    def with_header(self, name: str, value: bytes) -> "Sent":
        """With that header's value, added where it was absent."""
        return replace(self, headers=(*self.without(name).headers, (name.encode(), value)))

    def and_header(self, name: str, value: bytes) -> "Sent":
        """With one more header."""
        return replace(self, headers=(*self.headers, (name.encode(), value)))

    def without(self, name: str) -> "Sent":
        """Without any header of that name."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() != name.lower().encode()))

    def header(self, name: str) -> bytes:
        """The value of a header that stands there once."""
        (value,) = [value for key, value in self.headers if key.lower() == name.lower().encode()]
        return value

    def proven_by(self, *secrets: Secret, now: datetime = NOW) -> Secret:
        """What `verify` says, with the scheme's usual secret where none is named."""
        return verify(self.scheme, self.request(), secrets or (Secret(value=SECRETS[self.scheme]),), now=now)


def in_base64(key: bytes, content: bytes) -> bytes:
    """base64 HMAC-SHA256."""
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256))


def in_hex(key: bytes, content: bytes, algorithm: str = "sha256") -> bytes:
    """Hexadecimal HMAC."""
    return hmac.new(key, content, algorithm).hexdigest().encode()


def _hubspot(body: bytes, secret: str, at: datetime, url: str) -> dict[str, bytes]:
    timestamp = b"%d" % (at.timestamp() * 1000)
    signed = in_base64(secret.encode(), b"POST" + url.encode() + body + timestamp)
    return {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": timestamp}


def _shopify(body: bytes, secret: str, at: datetime, url: str) -> dict[str, bytes]:
    return {
        "X-Shopify-Hmac-Sha256": in_base64(secret.encode(), body),
        "X-Shopify-Topic": b"orders/updated",
        "X-Shopify-Shop-Domain": b"needle-and-thread.myshopify.example",
        "X-Shopify-Webhook-Id": b"b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "X-Shopify-Triggered-At": b"2026-11-25T10:29:58.144218331Z",
    }


def _zendesk(body: bytes, secret: str, at: datetime, url: str) -> dict[str, bytes]:
    timestamp = at.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    return {
        "X-Zendesk-Webhook-Signature": in_base64(secret.encode(), timestamp + body),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
        "X-Zendesk-Webhook-Id": b"01HZX4K0",
        "X-Zendesk-Webhook-Invocation-Id": b"01J0A9Q7",
    }


def _woocommerce(body: bytes, secret: str, at: datetime, url: str) -> dict[str, bytes]:
    return {
        "X-WC-Webhook-Source": b"https://shop.example.com/",
        "X-WC-Webhook-Topic": b"order.updated",
        "X-WC-Webhook-Resource": b"order",
        "X-WC-Webhook-Event": b"updated",
        "X-WC-Webhook-Signature": in_base64(secret.replace("&amp;", "&").encode(), body),
        "X-WC-Webhook-ID": b"3",
        "X-WC-Webhook-Delivery-ID": b"d3a1c6a2f1b9c0e4",
    }


def _stripe(body: bytes, secret: str, at: datetime, url: str) -> dict[str, bytes]:
    timestamp = b"%d" % at.timestamp()
    return {"Stripe-Signature": b"t=%b,v1=%b" % (timestamp, in_hex(secret.encode(), timestamp + b"." + body))}


def _intercom(body: bytes, secret: str, at: datetime, url: str) -> dict[str, bytes]:
    return {"X-Hub-Signature": b"sha1=" + in_hex(secret.encode(), body, "sha1")}


def _github(body: bytes, secret: str, at: datetime, url: str) -> dict[str, bytes]:
    return {
        "X-GitHub-Delivery": b"72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-GitHub-Event": b"ping",
        "X-Hub-Signature": b"sha1=" + in_hex(secret.encode(), body, "sha1"),
        "X-Hub-Signature-256": b"sha256=" + in_hex(secret.encode(), body),
    }


def _standard(body: bytes, secret: str, at: datetime, url: str) -> dict[str, bytes]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    timestamp = b"%d" % at.timestamp()
    signed = in_base64(key, b"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W." + timestamp + b"." + body)
    return {
        "webhook-id": b"msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
        "webhook-timestamp": timestamp,
        "webhook-signature": b"v1," + signed,
    }


_SIGNING: Final[Mapping[str, Callable[[bytes, str, datetime, str], dict[str, bytes]]]] = {
    "hubspot": _hubspot,
    "shopify": _shopify,
    "zendesk": _zendesk,
    "woocommerce": _woocommerce,
    "stripe": _stripe,
    "intercom": _intercom,
    "github": _github,
    "standard-webhooks": _standard,
}

SCHEMES: Final[tuple[str, ...]] = tuple(_SIGNING)
TIMED: Final[tuple[str, ...]] = ("hubspot", "zendesk", "stripe", "standard-webhooks")

SIGNATURE: Final[Mapping[str, str]] = {
    "hubspot": "X-HubSpot-Signature-v3",
    "shopify": "X-Shopify-Hmac-Sha256",
    "zendesk": "X-Zendesk-Webhook-Signature",
    "woocommerce": "X-WC-Webhook-Signature",
    "stripe": "Stripe-Signature",
    "intercom": "X-Hub-Signature",
    "github": "X-Hub-Signature-256",
    "standard-webhooks": "webhook-signature",
}

TIMESTAMP: Final[Mapping[str, str]] = {
    "hubspot": "X-HubSpot-Request-Timestamp",
    "zendesk": "X-Zendesk-Webhook-Signature-Timestamp",
    "standard-webhooks": "webhook-timestamp",
}

IDENTITY: Final[Mapping[str, tuple[str, ...]]] = {
    "hubspot": (),
    "shopify": ("X-Shopify-Topic", "X-Shopify-Shop-Domain", "X-Shopify-Webhook-Id", "X-Shopify-Triggered-At"),
    "zendesk": ("X-Zendesk-Webhook-Id", "X-Zendesk-Webhook-Invocation-Id"),
    "woocommerce": ("X-WC-Webhook-Source", "X-WC-Webhook-Topic", "X-WC-Webhook-ID", "X-WC-Webhook-Delivery-ID"),
    "stripe": (),
    "intercom": (),
    "github": ("X-GitHub-Delivery", "X-GitHub-Event"),
    "standard-webhooks": ("webhook-id",),
}


def sent(
    scheme: str, body: bytes | None = None, *, secret: str | None = None, at: datetime = NOW, url: str = URL
) -> Sent:
    """A well-made request of a scheme, signed with its usual secret unless another is named."""
    body = BODIES[scheme] if body is None else body
    headers = _SIGNING[scheme](body, secret or SECRETS[scheme], at, url)
    return Sent(
        scheme=scheme, url=url, headers=tuple((name.encode(), value) for name, value in headers.items()), body=body
    )


def sent_v1a(key: Ed25519PrivateKey, body: bytes, at: datetime = NOW) -> Sent:
    """Standard Webhooks with an asymmetric signature."""
    timestamp = b"%d" % at.timestamp()
    signature = key.sign(b"msg_asymmetric." + timestamp + b"." + body)
    headers = (
        (b"webhook-id", b"msg_asymmetric"),
        (b"webhook-timestamp", timestamp),
        (b"webhook-signature", b"v1a," + base64.b64encode(signature)),
    )
    return Sent(scheme="standard-webhooks", headers=headers, body=body)


def public_secret(key: Ed25519PrivateKey) -> Secret:
    """The public half in the form `whpk_…`."""
    return Secret(value="whpk_" + base64.b64encode(key.public_key().public_bytes_raw()).decode())


def events(case: Sent) -> tuple[ReceivedEvent, ...]:
    return events_of(case.scheme, case.headers, case.body)


def event(case: Sent) -> ReceivedEvent:
    (only,) = events(case)
    return only


def keys(case: Sent) -> list[str]:
    return [one.dedupe_key for one in events(case)]


def changed(scheme: str, **members: Any) -> Sent:
    """The usual request with members of its body changed or, with None for `...`, left out."""
    body = json.loads(BODIES[scheme]) | members
    kept = {name: value for name, value in body.items() if value is not ...}
    return sent(scheme, json.dumps(kept).encode())


def refusal(case: Sent, *secrets: Secret) -> Reason:
    with pytest.raises(SignatureRefused) as refused:
        case.proven_by(*secrets)
    return refused.value.reason
