"""HTTP operation that shows who owns what."""

from typing import Final

from msgspec import Struct

from app.errors import NotFound
from app.http.operation import Call, operation
from app.http.parameters import PathText
from app.ownership.deps import OwnershipDeps
from app.settings.ownership import OBJECTS, ObjectOwnership, Ownership
from canonical.parts import FieldOwnership, ObjectName

OBJECT: Final = PathText("object", "customer, order or ticket.", "customer")


class OwnershipView(Struct, frozen=True, kw_only=True):
    """Who owns the fields of an object."""

    object: ObjectName
    """The object. Example: `"customer"`"""
    owner: str | None
    """The connection that owns the object; null if none is configured. Example: `"hubspot"`"""
    fields: dict[str, FieldOwnership]
    """The ownership of each field. A ticket also has `comments`: who may add some."""


def view_of(ownership: Ownership, object_name: ObjectName) -> OwnershipView:
    """Return the ownership of an object."""
    owned = ownership.get(object_name, ObjectOwnership())
    return OwnershipView(object=object_name, owner=owned.default.owner, fields=dict(owned.fields))


@operation("GET", "/v1/ownership/{object}", tag="About", parameters=(OBJECT,))
async def read_ownership(call: Call) -> OwnershipView:
    """Read who owns each field of an object.

    For each field: its owner, who else may write it, how fresh a copy is, and what happens to a change by anyone else.
    As configured in `lockstitch.toml`.
    """
    wanted = call.path("object")
    name = next((one for one in OBJECTS if one == wanted), None)
    if name is None:
        raise NotFound(f"Unknown object {wanted[:80]!r}. The objects are {', '.join(OBJECTS)}.")
    return view_of(call.deps(OwnershipDeps).ownership, name)
