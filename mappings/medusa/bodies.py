"""What the writes of both objects share: fields without a place, and texts."""

from collections.abc import Mapping

from msgspec import Struct, UnsetType

from canonical import values
from mappings.medusa.wire_2_21 import Text
from mappings.spec import Notes


def refuse_without_place(patch: Struct, reasons: Mapping[str, str], notes: Notes) -> None:
    """Name every field that was sent and that Medusa has no place for: it cannot be emptied either."""
    for name, reason in reasons.items():
        if not isinstance(getattr(patch, name), UnsetType):
            notes.unsupported(f"/{name}", reason)


def text(value: str | None | UnsetType) -> Text:
    """Plain text: absent leaves it, null and "" empty it."""
    return value if isinstance(value, UnsetType) else value or None


def address_of(email: str, pointer: str, notes: Notes) -> str:
    """An e-mail as it is kept: in lower case, which is told where it was another. Medusa itself compares case."""
    folded = values.email(email)
    if folded != email:
        notes.lose(pointer, "coerced", "trimmed and lower-cased")
    return folded
