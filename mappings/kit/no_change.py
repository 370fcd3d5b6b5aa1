"""Recognise a change that changes nothing, so that nothing is sent to the vendor."""

import inspect
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from canonical.output_only import strip_output
from mappings.spec import Mapped, Unmappable, VendorMapping


def changes_nothing(
    mapping: VendorMapping[Any, Any, Any, Any, Any],
    patch: Struct,
    body: Any,
    current: Any,
    account: Any,
    record: Mapped[Any] | None = None,
) -> bool:
    """Return whether a change, drafted as `body`, writes what the record (`current`) already has. `record` is the
    mapped record, if it was mapped already.

    It does if the body is that of a change without any field, which HubSpot refuses, or if the record's own values give
    the same body. So a different form at the vendor, such as two lines of a street as one, is no change.
    """
    # Unwrap `changes_only`, which omits what is equal: it would map the record once more, and compare two bodies that
    # lack different fields.
    write = inspect.unwrap(mapping.to_vendor)
    if body == write(mapping.patch(), current, account).body:
        return True
    names = [name for name in patch.__struct_fields__ if getattr(patch, name) is not UNSET]
    try:
        record = record or mapping.to_canonical(current, account)
        data = msgspec.json.decode(msgspec.json.encode(record.data))
        values, _ = strip_output({name: data[name] for name in names}, mapping.patch)
        own = msgspec.convert(values, mapping.patch)
    except (Unmappable, msgspec.ValidationError):
        return False  # the record holds what cannot be sent
    present = write(own, current, account)
    # A read-only value, such as a consent that was never requested, is drafted as another one.
    is_exact = not any(one.kind in ("coerced", "defaulted") for one in present.loss)
    if not is_exact:
        return False
    whole = body if write is mapping.to_vendor else write(patch, current, account).body
    return bool(whole == present.body)
