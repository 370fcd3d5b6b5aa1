"""What the writes of both objects share: fields without a place, and members of an address that come from elsewhere."""

from collections.abc import Mapping

from msgspec import Struct, UnsetType
from msgspec.structs import replace

from canonical import values
from mappings.spec import Notes
from mappings.woocommerce.wire_v3 import PlaceWrite, Text

LEFT = PlaceWrite()


def refuse_without_place(patch: Struct, reasons: Mapping[str, str], notes: Notes) -> None:
    """Name every field that was sent and that WooCommerce has no place for: it cannot be emptied either."""
    for name, reason in reasons.items():
        if not isinstance(getattr(patch, name), UnsetType):
            notes.unsupported(f"/{name}", reason)


def text(value: str | None | UnsetType) -> Text:
    """Plain text: absent leaves it, null and "" empty it, which is the same to WooCommerce."""
    return value if isinstance(value, UnsetType) else value or ""


def address_of(email: str, pointer: str, notes: Notes) -> str:
    """An e-mail as it is kept: in lower case, which is told where it was another."""
    folded = values.email(email)
    if folded != email:
        notes.lose(pointer, "coerced", "trimmed and lower-cased")
    return folded


def with_own(place: PlaceWrite | UnsetType, **members: object) -> PlaceWrite | UnsetType:
    """An address with members that belong to the customer, those that are set."""
    told = {name: value for name, value in members.items() if not isinstance(value, UnsetType)}
    if not told:
        return place
    return replace(LEFT if isinstance(place, UnsetType) else place, **told)
