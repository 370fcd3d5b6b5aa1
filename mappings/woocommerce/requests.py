"""The calls that customers and orders have alike, and times and links as WooCommerce writes them."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Raw, Struct

from mappings.http import VendorReply, VendorRequest
from mappings.spec import decode
from mappings.woocommerce.wire_v3 import Account, Links, Meta, MetaWrite

API: Final = "/wp-json/wc/v3"
MAX_PER_PAGE: Final = 100
_encode: Final = msgspec.json.Encoder().encode


class Marked(Struct, frozen=True, kw_only=True):
    """As much of a record as tells whose it is."""

    id: int
    meta_data: tuple[Meta, ...] = ()


def read(kind: str, remote_id: str) -> VendorRequest:
    """One record by id."""
    return VendorRequest(method="GET", path=f"{API}/{kind}/{quote(remote_id, safe='')}", route=f"{API}/{kind}/{{id}}")


def create(kind: str, body: bytes) -> VendorRequest:
    """A new record. WooCommerce would make a second one of a repeat."""
    return VendorRequest(method="POST", path=f"{API}/{kind}", route=f"{API}/{kind}", body=body, effect=True)


def update(kind: str, remote_id: str, body: bytes) -> VendorRequest:
    """Set what the body names and leave the rest."""
    return VendorRequest(
        method="PUT",
        path=f"{API}/{kind}/{quote(remote_id, safe='')}",
        route=f"{API}/{kind}/{{id}}",
        body=body,
        effect=True,
    )


def listed(kind: str, query: tuple[tuple[str, str], ...]) -> VendorRequest:
    """Several records."""
    return VendorRequest(method="GET", path=f"{API}/{kind}", route=f"{API}/{kind}", query=query)


def record(reply: VendorReply, account: Account) -> tuple[Raw | None, Account]:
    """The record of a read by id, or the first of a look-up."""
    if reply.body.lstrip()[:1] != b"[":
        return Raw(reply.body), account
    found = decode(reply.body, tuple[Raw, ...])
    return (found[0] if found else None), account


def encoded(body: Any) -> bytes:
    """A body without what is unset."""
    return _encode(body)


def with_meta(body: Any, *more: MetaWrite) -> Any:
    """The body with further meta."""
    kept = body.meta_data if isinstance(body.meta_data, tuple) else ()
    return msgspec.structs.replace(body, meta_data=(*kept, *more))


_any: Final = msgspec.json.Decoder().decode


def meta_text(meta: tuple[Meta, ...], key: str) -> str | None:
    """The text under a meta key; None where there is none or it is no text."""
    for one in meta:
        if one.key == key:
            found = _any(one.value)
            return found if isinstance(found, str) and found else None
    return None


def gmt(moment: datetime) -> str:
    """A time as WooCommerce takes it: UTC in whole seconds, without an offset."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=256)
def _admin(api: str) -> str:
    return f"{api.partition('/wp-json/')[0]}/wp-admin"


def page_url(links: Links, page: str, id: int) -> str | None:
    """Where a person sees the record: `page` on the shop's own administration, with its id, which also knows orders of
    the newer storage by this address."""
    if not links.self_ or "/wp-json/" not in links.self_[0].href:
        return None
    return f"{_admin(links.self_[0].href.rpartition('/')[0])}/{page % id}"
