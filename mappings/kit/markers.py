"""Where a record keeps the marker of its write. A marker is the id of its operation: `op_` and a UUID of version 7."""

from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from mappings.spec import decode

B = TypeVar("B", bound=Struct)

PREFIX: Final = "lockstitch:"
"""Begins a marker in the place of the caller's key."""


def began(marker: str) -> datetime | None:
    """Return when the operation began: its id starts with the milliseconds since 1970 (RFC 9562, version 7). None for a
    marker without a time."""
    digits = marker.rpartition("_")[2][:12]
    try:
        return datetime.fromtimestamp(int(digits, 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def in_key(key: str | None, marker: str) -> str:
    """Return what to store in the place of the caller's key: the key, or the marker without one."""
    return key or f"{PREFIX}{marker}"


def own_key(key: str | None) -> str | None:
    """Return the caller's key in that place. None for empty text or a marker."""
    return None if not key or key.startswith(PREFIX) else key


class MarkedField(Struct, frozen=True, kw_only=True):
    """A custom field with the marker: the field `name` in the JSON object `member` of bodies and records."""

    name: str
    member: str = "custom_fields"

    def mark(self, body: B, marker: str, account: Any = None) -> B:
        """Return the body of a new record with the marker."""
        return replace(body, **{self.member: {**(getattr(body, self.member) or {}), self.name: marker}})

    def carries(self, record: Raw, marker: str) -> bool:
        """Return whether a record has this marker."""
        fields = decode(record, dict[str, Raw]).get(self.member, b"null")
        return msgspec.json.encode(marker) == bytes((decode(fields, dict[str, Raw] | None) or {}).get(self.name, b""))  # type: ignore[arg-type]
