"""A write compared with what is read afterwards. Nothing, an empty text and an empty list count as one."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import UNSET, Struct
from msgspec.structs import fields

from canonical.customer import PhonePatch
from canonical.parts import AddressPatch

EMPTY: Final[tuple[Any, ...]] = (None, "", (), [])


def assert_reads_back(patch: Struct, after: Any, before: Any = None, *, among: Iterable[str]) -> None:
    """Each field of the patch is read as it was written. Each other one is as it was, if there is a record from before.
    `among`: the fields that are compared."""
    for name in among:
        value, present = getattr(patch, name), getattr(after, name)
        if value is not UNSET:
            assert _is_read(name, value, present), (name, value, present)
        elif before is not None:
            assert present == getattr(before, name), name


def _is_read(name: str, written: Any, present: Any) -> bool:
    """Return whether a field is read as it was written. The order of a list, and the letters of a tag, do not count."""
    if name == "custom_fields":
        values = {one.key: _kept(one.value) for one in written or ()}
        return all(_kept(one.value) == values.get(one.key) for one in present)
    if name == "tags":
        return {one.lower() for one in written or ()} == {one.lower() for one in present}
    if isinstance(written, tuple):
        parts = [one for one in written if not _is_empty(one)]
        return len(parts) == len(present) and all(any(_is_meant(one, other) for other in present) for one in parts)
    if isinstance(written, Struct):
        return _is_meant(written, present)
    return bool(_kept(present) == _kept(written))


def _is_meant(written: Any, present: Any) -> bool:
    """Return whether a part is read as it was written: each member that was sent. An address counts as a whole."""
    sent = {one.name: _kept(getattr(written, one.name)) for one in fields(written)}
    if isinstance(written, AddressPatch):
        sent.pop("is_default")
    else:
        sent = {name: value for name, value in sent.items() if value is not None}
    if isinstance(written, PhonePatch) and written.e164 is not None:
        sent.pop("raw", None)  # one of the two is stored
    for email in sent.keys() & {"address", "email"}:
        sent[email] = sent[email].lower()
    return all(value is UNSET or getattr(present, name) == value for name, value in sent.items())


def _is_empty(part: Any) -> bool:
    """Return whether a vendor stores nothing for an item."""
    return isinstance(part, AddressPatch) and not any(
        getattr(part, one.name) for one in fields(part) if one.name not in ("type", "is_default")
    )


def _kept(value: Any) -> Any:
    return None if value in EMPTY else value
