"""Find WooCommerce records in a payload: an answer, a webhook's body, a bare record."""

from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from canonical.parts import ObjectName
from mappings.spec import Unmappable

Seen = Raw | UnsetType


class _Payload(Struct, frozen=True, kw_only=True):
    """Members that distinguish the vendor's records and answers."""

    id: Seen = UNSET
    code: Seen = UNSET
    error: Seen = UNSET
    message: Seen = UNSET
    data: Seen = UNSET
    currency: Seen = UNSET
    line_items: Seen = UNSET
    email: Seen = UNSET
    billing: Seen = UNSET
    billing_period: Seen = UNSET
    order: Seen = UNSET
    customer: Seen = UNSET


_payload: Final = msgspec.json.Decoder(_Payload)
_list: Final = msgspec.json.Decoder(tuple[Raw, ...])


def unwrap(payload: bytes, object: ObjectName) -> tuple[Raw, ...]:
    """Return the records of one object: those of a list, or a single one. Jetpack's tunnel puts either under `data`.

    Raises Unmappable, with path and reason, for an error body, the stub of a deletion, an HTML page, a record of
    another object, and anything else.
    """
    if payload.lstrip()[:1] == b"<":
        raise Unmappable("$", "an HTML page, not an answer of the API")
    return _records(Raw(payload), "$", object)


def _records(raw: Raw, path: str, object: ObjectName) -> tuple[Raw, ...]:
    if bytes(raw).lstrip()[:1] == b"[":
        found = _all(raw, path)
        for index, record in enumerate(found):
            _ensure_record(_read(record, f"{path}[{index}]"), f"{path}[{index}]", object)
        return found
    seen = _read(raw, path)
    if seen.id is UNSET and not isinstance(seen.data, UnsetType) and seen.code is UNSET and seen.error is UNSET:
        return _records(seen.data, f"{path}.data", object)
    _ensure_record(seen, path, object)
    return (raw,)


def _ensure_record(seen: _Payload, path: str, object: ObjectName) -> None:
    if seen.message is not UNSET and (seen.code is not UNSET or seen.error is not UNSET):
        raise Unmappable(f"{path}.message", "the shop's refusal, not a record")
    for legacy in ("order", "customer"):
        if seen.id is UNSET and getattr(seen, legacy) is not UNSET:
            raise Unmappable(f"{path}.{legacy}", "a record of the legacy API, which has other fields: use wc/v3")
    if seen.id is UNSET:
        raise Unmappable(f"{path}.id", "not a WooCommerce record: it has no id")
    is_order = seen.currency is not UNSET and seen.line_items is not UNSET
    is_customer = seen.email is not UNSET and seen.billing is not UNSET
    if object == "order" and not is_order:
        missing = "currency" if seen.currency is UNSET else "line_items"
        raise Unmappable(f"{path}.{missing}", "not an order: a refund, another record, or the stub of a deletion")
    if object == "customer" and not is_customer:
        missing = "email" if seen.email is UNSET else "billing"
        raise Unmappable(f"{path}.{missing}", "not a customer: another record, or the stub of a deletion")
    if object == "order" and seen.billing_period is not UNSET:
        raise Unmappable(f"{path}.billing_period", "a subscription, not an order: its renewals are orders")
    if object not in ("order", "customer"):
        raise Unmappable(path, f"WooCommerce has no {object}s")


def _all(raw: Raw, path: str) -> tuple[Raw, ...]:
    try:
        return _list.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unmappable(path, "not JSON") from error


def _read(raw: Raw, path: str) -> _Payload:
    try:
        return _payload.decode(raw)
    except msgspec.ValidationError as error:
        raise Unmappable(path, "not a WooCommerce answer: an object was expected") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unmappable(path, "not JSON") from error
