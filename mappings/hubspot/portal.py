"""The portal, which is HubSpot's word for an account: its details and each webhook event name it."""

from msgspec import Struct

from mappings.kit.refusals import read, text
from mappings.spec import AccountMarks


class _Portal(Struct, frozen=True, kw_only=True, rename="camel"):
    portal_id: int | str | None = None


def portal_of(body: bytes) -> AccountMarks:
    """Return the portal that a JSON object names."""
    portal = text((read(body, _Portal) or _Portal()).portal_id)
    return {} if portal is None else {"portal": portal}
