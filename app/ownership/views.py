"""Ownership as callers see it."""

from msgspec import Struct

from app.settings.ownership import ObjectOwnership, Ownership
from canonical.parts import FieldOwnership, ObjectName


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
    found = ownership.get(object_name, ObjectOwnership())
    return OwnershipView(object=object_name, owner=found.default.owner, fields=dict(found.fields))
