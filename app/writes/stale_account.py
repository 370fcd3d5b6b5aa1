"""Recognise a refusal that comes only from cached account facts, which may be stale."""

from typing import Any, Final

from app.records.resolve import AnyMapping
from mappings.spec import FieldRefusal, Manifest, Unmappable, Vendor

CUSTOM: Final = "custom_fields"


def refused_by_account_facts(
    vendor: Manifest, mapping: AnyMapping, account: Any, barring: tuple[FieldRefusal, ...]
) -> bool:
    """Return whether every barring field takes its choices from the account: a status, a type, a custom field.

    Any other refusal is independent of the account, so fetching its facts again would not help.
    """
    barring = tuple(one for one in barring if one.kind == "invalid") or barring
    if not barring or not isinstance(vendor, Vendor) or vendor.choices is None:
        return False
    fields = _account_fields(vendor, mapping, account)
    return all(_field_of(one.pointer) in fields for one in barring)


def _account_fields(vendor: Vendor[Any], mapping: AnyMapping, account: Any) -> frozenset[str]:
    """Return the fields whose options follow from the account facts alone, without an option list."""
    assert vendor.choices is not None  # noqa: S101 - checked by the caller
    requests = vendor.choices.requests(account)
    try:
        options = vendor.choices.read(account, mapping.object, ((),) * len(requests))
    except Unmappable:
        return frozenset((CUSTOM,))
    return frozenset((CUSTOM, *options))


def _field_of(pointer: str) -> str:
    """Return the canonical field of a JSON Pointer. The key of a custom field is configuration, so it stays whole."""
    first, *rest = pointer.removeprefix("/").split("/")
    return first if rest[-1:] != ["key"] else pointer
