"""What a vendor itself changes in the texts that it stores. Each mapping declares it (`VendorMapping.stores`).

A write sends what the vendor would store, and reports the difference. So comparing with the record needs no guesses.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from canonical.field_kinds import ComparedField, Kind, fields_of
from canonical.parts import Loss, ProductReferencePatch, ReferencePatch

P = TypeVar("P", bound=Struct)

EVERY_TEXT: Final = "*"
KEPT: Final = frozenset({"external_id"})
"""Keys that are looked up as they were sent: a mapping refuses one that the vendor would change."""


class TextChange(Struct, frozen=True, kw_only=True):
    """A change of every exact text in a field: `text` returns what the vendor stores, `detail` describes it in a
    loss."""

    text: Callable[[str], str]
    detail: str


def as_stored(patch: P, changes: Mapping[str, TextChange]) -> tuple[P, tuple[Loss, ...]]:
    """Return the patch as the vendor stores it, and the texts that differ. `changes` are by field; those of
    `EVERY_TEXT` are of all others."""
    loss: list[Loss] = []
    kept = {}
    for name, field in fields_of(type(patch)).items() if changes else ():
        change = changes.get(name) or (None if name in KEPT else changes.get(EVERY_TEXT))
        value = getattr(patch, name)
        if change is not None and (stored := _stored(value, field, change, f"/{name}", loss)) is not value:
            kept[name] = stored
    return (replace(patch, **kept) if kept else patch), tuple(loss)


def too_long(patch: Struct, longest: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield the pointer of each text that is longer than the vendor accepts, with a sentence. `longest` are the most
    characters by the path of a field, without the places in lists: `addresses/city`."""
    for path, most in longest.items():
        for pointer, text in _texts(patch, path.split("/"), ""):
            if len(text) > most:
                yield pointer, f"at most {most} characters, and this has {len(text)}"


def _texts(value: Any, names: Sequence[str], pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, tuple):
        for place, one in enumerate(value):
            yield from _texts(one, names, f"{pointer}/{place}")
    elif isinstance(value, str) and not names:
        yield pointer, value
    elif isinstance(value, Struct) and names:
        yield from _texts(getattr(value, names[0]), names[1:], f"{pointer}/{names[0]}")


def _stored(value: Any, field: ComparedField, change: TextChange, pointer: str, loss: list[Loss]) -> Any:
    """Return the value as it is stored, the same object if it is unchanged."""
    if isinstance(value, str) and field.kind is Kind.TEXT:
        text = change.text(value)
        if text == value:
            return value
        loss.append(Loss(path=pointer, kind="coerced", detail=change.detail))
        return text
    if isinstance(value, tuple) and field.item is not None:
        item = field.item
        items = tuple(_stored(one, item, change, f"{pointer}/{place}", loss) for place, one in enumerate(value))
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    if isinstance(value, Struct) and not isinstance(value, ReferencePatch | ProductReferencePatch):
        kept = dict(_stored_members(value, field, change, pointer, loss))
        return replace(value, **kept) if kept else value
    return value


def _stored_members(
    part: Struct, field: ComparedField, change: TextChange, pointer: str, loss: list[Loss]
) -> Iterator[tuple[str, Any]]:
    for name, member in field.members.items():
        value = getattr(part, name)
        if (stored := _stored(value, member, change, f"{pointer}/{name}", loss)) is not value:
            yield name, stored
