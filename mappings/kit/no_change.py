"""Recognise a change that changes nothing, so that nothing is sent to the vendor."""

import inspect
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from canonical.output_only import strip_output
from mappings.spec import Unmappable, VendorMapping


def changes_nothing(
    mapping: VendorMapping[Any, Any, Any, Any, Any], patch: Struct, body: Any, current: Any, account: Any
) -> bool:
    """Return whether a change, drafted as `body`, writes what the record (`current`) already has.

    It does if the body is that of a change without any field, which HubSpot refuses, or if the record's own values give
    the same body. So a different form at the vendor, such as two lines of a street as one, is no change.
    """
    if body == mapping.to_vendor(mapping.patch(), current, account).body:
        return True
    names = [name for name in patch.__struct_fields__ if getattr(patch, name) is not UNSET]
    try:
        data = msgspec.json.decode(msgspec.json.encode(mapping.to_canonical(current, account).data))
        values, _ = strip_output({name: data[name] for name in names}, mapping.patch)
        own = msgspec.convert(values, mapping.patch)
    except (Unmappable, msgspec.ValidationError):
        return False  # the record holds what cannot be sent
    # Unwrap `changes_only`, which would omit what is equal in one of them only.
    write = inspect.unwrap(mapping.to_vendor)
    present = write(own, current, account)
    # A read-only value, such as a consent that was never requested, is drafted as another one.
    is_exact = not any(one.kind in ("coerced", "defaulted") for one in present.loss)
    return is_exact and bool(write(patch, current, account).body == present.body)
