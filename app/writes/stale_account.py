"""Whether a refusal of a write stands on facts about the account alone, which may have changed since they were told."""

from typing import Any, Final

from app.records.resolve import AnyMapping
from mappings.spec import FieldRefusal, Manifest, Unmappable, Vendor

CUSTOM: Final = "custom_fields"


def refused_by_account_facts(
    vendor: Manifest, mapping: AnyMapping, account: Any, refused: tuple[FieldRefusal, ...], *, lossy: bool
) -> bool:
    """True where everything that keeps the write from being sent is a field whose choices the account tells: a status,
    a type, a custom field. Anything else is wrong whatever the account says, so it is refused without asking again."""
    barring = [one for one in refused if one.kind == "invalid"] or ([] if lossy else list(refused))
    if not barring or not isinstance(vendor, Vendor) or vendor.choices is None:
        return False
    told = _told(vendor, mapping, account)
    return all(_field_of(one.pointer) in told for one in barring)


def _told(vendor: Vendor[Any], mapping: AnyMapping, account: Any) -> frozenset[str]:
    """The fields whose options follow from the account facts, without asking for any list."""
    assert vendor.choices is not None  # noqa: S101 - judged by the caller
    requests = vendor.choices.requests(account)
    try:
        options = vendor.choices.read(account, mapping.object, ((),) * len(requests))
    except Unmappable:
        return frozenset((CUSTOM,))
    return frozenset((CUSTOM, *options))


def _field_of(pointer: str) -> str:
    """The canonical field that a JSON Pointer leads into, without what a caller cannot mend by the account: the key of
    a custom field is configuration."""
    first, *rest = pointer.removeprefix("/").split("/")
    return first if rest[-1:] != ["key"] else pointer
