"""What requests for customers and orders share: the marker in meta, times, and links to the administration."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from canonical import values
from canonical.parts import Loss
from mappings.kit.paging import counted
from mappings.spec import Notes, decode_loosely
from mappings.woocommerce.wire_v3 import OPERATION, Account, Links, Meta, MetaWrite

API: Final = "/wp-json/wc/v3"
MAX_PER_PAGE: Final = 100
total: Final = counted("x-wp-total")
MOST_DIGITS: Final = 18
IN_SHOPS_ZONE: Final = "the shop sent this time only in its own zone, which is unknown: it is read as UTC"


class _Marked(Struct, frozen=True, kw_only=True):
    """The members of a record that identify it."""

    id: int
    meta_data: tuple[Meta, ...] = ()


def number(id: str | None, pointer: str, notes: Notes) -> int | UnsetType:
    """Return an id of the shop as it writes them. Refuse one that is no positive number."""
    if id is None:
        return UNSET
    if not (id.isascii() and id.isdecimal() and len(id) <= MOST_DIGITS and int(id) > 0):
        notes.invalid(pointer, "WooCommerce ids are positive numbers")
        return UNSET
    return int(id)


def remote_id(record: Raw) -> str:
    """Return the id of a record. Raises VendorDrift if it has none."""
    return str(decode_loosely(record, _Marked).id)


def carries(record: Raw, marker: str) -> bool:
    """Return whether a record has this marker."""
    return meta_text(decode_loosely(record, _Marked).meta_data, OPERATION) == marker


def mark(body: Any, marker: str, account: Account) -> Any:
    """Return the body of a new record with the marker."""
    kept = body.meta_data if isinstance(body.meta_data, tuple) else ()
    return msgspec.structs.replace(body, meta_data=(*kept, MetaWrite(key=OPERATION, value=marker)))


_any: Final = msgspec.json.Decoder().decode


def meta_text(meta: tuple[Meta, ...], key: str) -> str | None:
    """Return the text under a meta key, None if there is none or it is not text."""
    for one in meta:
        if one.key == key:
            text = _any(one.value)
            return text if isinstance(text, str) and text else None
    return None


def moment(gmt: datetime | None, local: datetime | None, path: str, loss: list[Loss]) -> datetime | None:
    """Return a time in UTC. Without its GMT value, the one of the shop's zone counts as UTC, with a loss."""
    if gmt is not None or local is None:
        return None if gmt is None else values.utc(gmt)
    loss.append(Loss(path=path, kind="ambiguous", detail=IN_SHOPS_ZONE))
    return values.utc(local)


def gmt(moment: datetime) -> str:
    """Return a time as WooCommerce accepts it: UTC in whole seconds, without an offset."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


@lru_cache(maxsize=256)
def _admin(api: str) -> str:
    return f"{api.partition('/wp-json/')[0]}/wp-admin"


def page_url(links: Links, page: str, id: int) -> str | None:
    """Return the record's address in the shop's administration. It also works for orders in the newer storage."""
    if not links.self_ or "/wp-json/" not in links.self_[0].href:
        return None
    return f"{_admin(links.self_[0].href.rpartition('/')[0])}/{page % id}"
