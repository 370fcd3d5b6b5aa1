"""The webhooks of the road, by variant. Each contains its number as `road-<number>@example.com`, and so does its
Event."""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple
from uuid import uuid4

import msgspec

from benchmarks.stage import SHOPIFY_SECRET, WEBHOOK_SECRET
from mappings.http import VendorRequest
from mappings.hubspot.endpoints import CONTACT_CALLS
from mappings.hubspot.wire_v3 import Account as HubSpotAccount
from mappings.shopify.endpoints_customer import CUSTOMERS
from mappings.shopify.wire_2026_07 import Account as ShopifyAccount

Placed = Mapping[int, Mapping[str, Any]]
"""The emulator's record of each number."""
Webhook = tuple[dict[str, str], bytes]
"""Headers and body."""

HUBSPOT_SECRET: Final = "not-a-secret"
# The emulators' accounts; webhooks of another one would stop the connection.
SHOP_DOMAIN: Final = "lockstitch-dev.myshopify.com"
PORTAL_ID: Final = 24861357
RECORDS: Final = 250
KEY: Final = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
JSON: Final = {"Content-Type": "application/json"}


class Emulated(NamedTuple):
    """The vendor of mapped webhooks: the place of its records in the emulator, and their reader."""

    vendor: str
    object: str
    record: Callable[[int], dict[str, Any]]
    read: Callable[[str], VendorRequest]


class Variant(NamedTuple):
    """Webhooks of one kind. `sign` gets a number, the placed records and the URL. A burst has `burst` webhooks."""

    title: str
    connection: str
    events: Sequence[str]
    scopes: Sequence[str]
    sign: Callable[[int, Placed, str], Webhook]
    emulated: Emulated | None = None
    burst: int = 2000
    steady_seconds: int = 5


def email(number: int) -> str:
    """Return the address that identifies a webhook along the road."""
    return f"road-{number}@example.com"


def _raw(number: int, _placed: Placed, _url: str) -> Webhook:
    id, at = f"msg_{uuid4().hex}", str(int(time.time()))
    body = f'{{"type":"invoice.paid","data":{{"to":"{email(number)}","total":"129.90","currency":"EUR"}}}}'.encode()
    signature = hmac.digest(KEY, b"%b.%b.%b" % (id.encode(), at.encode(), body), hashlib.sha256)
    signed = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": f"v1,{_base64(signature)}"}
    return JSON | signed, body


def _keyed(number: int, _placed: Placed, _url: str) -> Webhook:
    body = f'{{"id":{10**9 + number % RECORDS},"email":"{email(number)}","total_price":"129.90"}}'.encode()
    return _of_shopify("orders/updated", body)


def _shopify(number: int, placed: Placed, _url: str) -> Webhook:
    id = str(placed[number]["id"]).rpartition("/")[2]
    body = f'{{"id":{id},"email":"{email(number)}","first_name":"Livia","last_name":"Keller","state":"disabled"}}'
    return _of_shopify("customers/create", body.encode())


def _of_shopify(topic: str, body: bytes) -> Webhook:
    signature = _base64(hmac.digest(SHOPIFY_SECRET.encode(), body, hashlib.sha256))
    return {
        **JSON,
        "X-Shopify-Topic": topic,
        "X-Shopify-Webhook-Id": str(uuid4()),
        "X-Shopify-Shop-Domain": SHOP_DOMAIN,
        "X-Shopify-Hmac-Sha256": signature,
    }, body


def _hubspot(number: int, placed: Placed, url: str) -> Webhook:
    at = int(time.time() * 1000)
    event = {
        "eventId": 10**8 + number,
        "subscriptionId": 1_000_001,
        "portalId": PORTAL_ID,
        "appId": 1_000_003,
        "occurredAt": at - 60_000,
        "subscriptionType": "contact.creation",
        "attemptNumber": 0,
        "objectId": int(placed[number]["id"]),
        "changeFlag": "CREATED",
        "changeSource": "CRM_UI",
        "sourceId": email(number),
    }
    body = msgspec.json.encode([event])
    content = b"POST" + url.encode() + body + str(at).encode()
    signature = _base64(hmac.digest(HUBSPOT_SECRET.encode(), content, hashlib.sha256))
    return JSON | {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": str(at)}, body


def _contact(number: int) -> dict[str, Any]:
    named = {"email": email(number), "firstname": "Livia", "lastname": "Keller", "jobtitle": "Head of Seams"}
    return {"properties": named}


def _customer(number: int) -> dict[str, Any]:
    address = {"emailAddress": email(number), "marketingState": "NOT_SUBSCRIBED"}
    return {"firstName": "Livia", "lastName": "Keller", "defaultEmailAddress": address}


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


Name = Literal["raw", "keyed", "shopify", "hubspot"]
VARIANTS: Final[Mapping[str, Variant]] = {
    "raw": Variant("forwarded as it is", "gateway", ("webhook.received",), ("events:read",), _raw),
    "keyed": Variant(
        f"forwarded as it is, in order for each of {RECORDS} records",
        "parcels",
        ("webhook.received",),
        ("events:read", "customers:read", "orders:read"),
        _keyed,
    ),
    "shopify": Variant(
        "mapped: a new customer of Shopify, read from its emulator",
        "shop",
        ("customer.*",),
        ("customers:read",),
        _shopify,
        Emulated("shopify", "Customer", _customer, lambda id: CUSTOMERS.read(id, ShopifyAccount())),
        burst=400,
        steady_seconds=3,
    ),
    "hubspot": Variant(
        "mapped: a new contact of HubSpot, read from its emulator",
        "crm",
        ("customer.*",),
        ("customers:read",),
        _hubspot,
        Emulated("hubspot", "contacts", _contact, lambda id: CONTACT_CALLS.read(id, HubSpotAccount())),
        burst=400,
        steady_seconds=3,
    ),
}
