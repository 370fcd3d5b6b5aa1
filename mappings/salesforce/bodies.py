"""Fields that several objects write: the caller's own key, text that cannot be empty, details of a contact."""

from msgspec import UNSET, UnsetType

from canonical import values
from canonical.parts import Reference, ReferencePatch
from mappings.kit import patches
from mappings.kit.people import note_spaces
from mappings.kit.references import reference
from mappings.salesforce.wire_v62 import KEY, Account, Person
from mappings.spec import Notes


def needed(value: str | None | UnsetType, pointer: str, why: str, notes: Notes) -> str | UnsetType:
    """Return text that Salesforce requires."""
    if isinstance(value, UnsetType):
        return UNSET
    if not value or not value.strip():
        notes.invalid(pointer, why)
        return UNSET
    return value


def own_key(value: str | None | UnsetType, sobject: str, account: Account, notes: Notes) -> str | None | UnsetType:
    """Return the caller's own key. The administrator of the org creates the field for it."""
    if isinstance(value, UnsetType):
        return UNSET
    if not account.has(sobject, KEY):
        notes.unsupported(
            "/external_id", f"this org has no unique field {KEY} on {sobject}: ask its administrator to create it"
        )
        return UNSET
    return patches.own_key(value, "Salesforce", notes)


def reference_to(id: str | None, record: Person | None) -> Reference | None:
    """Return the reference to a user, queue or account, with the name and address that came with it. The connection's
    user may see those and not the id."""
    if record is None:
        return reference(id)
    name, email = record.name, values.email(record.email) if record.email else None
    return Reference(name=name, email=email) if id is None and (name or email) else reference(id, name, email)


def compare_contact(sent: ReferencePatch, person: Person | None, pointer: str, notes: Notes) -> None:
    """Note a loss for a name, an address or a number that differs from the contact's: `person`, None if it is unknown.
    The members of an unknown contact only name it."""
    if person is None:
        note_spaces(sent.name, pointer, notes)
    for name in ("name", "email", "phone"):
        wanted = getattr(sent, name)
        stored = "" if person is None else getattr(person, name) or ""
        if wanted and person is not None and wanted != (values.email(stored) if name == "email" else stored):
            notes.lose(f"{pointer}/{name}", "coerced", "Salesforce keeps it on the contact, which is not changed")
