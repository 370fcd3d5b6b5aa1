"""Compare a record with an intent, to recognise a change whose reply was lost.

False in doubt: sending the same values again is harmless, taking a change for done is not.
"""

from typing import Any

from msgspec import UNSET, Struct

from canonical.field_kinds import fields_of
from canonical.same_value import same
from mappings.spec import Action


def matches_patch(patch: Struct, data: Any) -> bool:
    """Return whether every field of the patch reads back as sent."""
    return all(
        same(getattr(data, name, None), value, field)
        for name, field in fields_of(type(patch)).items()
        if (value := getattr(patch, name)) is not UNSET
    )


def has_reached(effect: Action, data: Any) -> bool:
    """Return whether the record is archived or cancelled."""
    if effect == "archive":
        return bool(getattr(data, "status", None) == "archived")
    # Not every vendor reports the time.
    return getattr(data, "cancelled_at", None) is not None or getattr(data, "status", None) == "cancelled"
