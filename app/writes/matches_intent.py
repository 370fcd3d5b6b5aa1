"""Compare a record with an intent, to recognise a change whose reply was lost."""

from typing import Any

import msgspec
from msgspec import Struct

from app.writes.models import Intent
from app.writes.tags import holds_change
from mappings.spec import Action


def matches_intent(intent: Intent, effect: Action, patch_type: type[Struct], data: Any) -> bool:
    """Return whether every sent field reads back as sent; for archive and cancel, whether the state is reached.

    False in doubt: sending the same values again is harmless, taking a change for done is not.
    """
    if effect == "archive":
        return bool(getattr(data, "status", None) == "archived")
    if effect == "cancel":
        # Not every vendor reports the time.
        return getattr(data, "cancelled_at", None) is not None or getattr(data, "status", None) == "cancelled"
    if intent.edits_tags:
        return holds_change(intent.body, data.tags)
    wanted = msgspec.json.decode(intent.body)
    present = msgspec.to_builtins(data)
    known = {field.encode_name for field in msgspec.structs.fields(patch_type)}
    return all(_same(value, present.get(name)) for name, value in wanted.items() if name in known)


def _same(wanted: Any, present: Any) -> bool:
    if wanted is None or wanted == []:
        return present in (None, (), "", "none")
    if isinstance(wanted, dict):
        # A mapped record does not know its connection.
        sent = {name: value for name, value in wanted.items() if name != "connection"}
        return isinstance(present, dict) and all(_same(value, present.get(name)) for name, value in sent.items())
    if isinstance(wanted, list):
        if not isinstance(present, tuple) or len(wanted) != len(present):
            return False
        if all(isinstance(item, str) for item in wanted):
            return sorted(wanted) == sorted(str(item) for item in present)  # vendors keep no order of tags
        return all(_same(item, other) for item, other in zip(wanted, present, strict=True))
    if isinstance(wanted, str) and isinstance(present, str):
        return wanted.strip().casefold() == present.strip().casefold()
    return bool(wanted == present)
