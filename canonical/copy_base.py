"""The base of a copy: the values of the source and of the target after the copy, as digests.

A later copy compares each side with its own base, so a change by the vendor itself (lower case, lost members) does not
count as a change. Only digests are kept. Every function here is pure.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from canonical.field_kinds import ComparedField
from canonical.portable import MERGED, has_value
from canonical.same_value import PRIMARY, is_empty, item_key, normal_form, same

Digest = Callable[[str], str]
"""A keyed digest of a text."""
MARK: Final = "is_primary"
"""The mark of the primary item. It is compared separately."""
MOST_COMPARED: Final = 4096
"""Pairs of items whose likeness is computed. In longer lists, no item counts as another form of another one."""


class ItemBase(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a list, by the digest of its key at the source. `source` and `target` are digests of its values; an
    empty `target` never arrived. `key` is the digest of its key at the target if that differs. `put`: a copy put it
    there."""

    source: str
    key: str = ""
    target: str = ""
    put: bool = False


class FieldBase(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field: digests of its values, empty for no value. Of a list with keys, `source` and `target` are the keys of
    the primary items. `put`: a copy put the value there. `reported`: the later value of the source that the target did
    not take, once a consumer's dead letter has named it."""

    source: str = ""
    target: str = ""
    put: bool = False
    reported: str | None = None
    items: dict[str, ItemBase] = {}


Base = Mapping[str, FieldBase]
"""The base of a copy, by field."""


def with_reported(base: Base) -> Base:
    """Return the base for a copy of a consumer, which tries no value again that was reported."""
    return {name: replace(one, source=one.reported) if one.reported is not None else one for name, one in base.items()}


class FieldState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field of a record as digests: of its value, or of the values of its items by their keys. For a list with keys,
    `value` is the key of the primary item."""

    value: str = ""
    items: dict[str, str] = {}


class Digests:
    """Digests the values of one object. `fields` are the rules of comparison (`kinds_of`)."""

    def __init__(self, digest: Digest, fields: Mapping[str, ComparedField]) -> None:
        self._digest = digest
        self.fields = fields

    def of(self, name: str, value: Any) -> str:
        """Return the digest of a value; empty for an empty value."""
        form = normal_form(value, self.fields[name])
        return "" if form is None else self._keyed(name, form)

    def of_item(self, name: str, item: Any) -> str:
        """Return the digest of an item of a list, without the mark of the primary one."""
        item_field = self.fields[name].item
        assert item_field is not None  # noqa: S101 - only lists have items
        plain = item if isinstance(item, str) else {**msgspec.to_builtins(item), MARK: None}
        return self._keyed(name, normal_form(plain, item_field))

    def key(self, name: str, key: str) -> str:
        """Return the digest of the key of an item (`item_key`)."""
        return self._keyed(name, ["key", key])

    def state(self, name: str, value: Any) -> FieldState:
        """Return a field of a record as digests."""
        if name not in MERGED:
            return FieldState(value=self.of(name, value))
        keyed = self.items(name, value)
        return FieldState(
            value=self.primary(name, keyed),
            items={key: self.of_item(name, item) for key, item in keyed.items()},
        )

    def items(self, name: str, value: Any) -> dict[str, Any]:
        """Return the items of a list with a value, by the digests of their keys. An address of several types counts as
        several items, in the order of its types."""
        groups: dict[str, dict[str, Any]] = {}
        for item in value or ():
            if has_value(name, item):
                kind = str(member(item, "type")) if name == "addresses" else ""
                groups.setdefault(item_key(item, self.fields[name]), {}).setdefault(kind, item)
        return {
            self.key(name, f"{key} {place}" if place else key): item
            for key, alike in groups.items()
            for place, (_, item) in enumerate(sorted(alike.items(), key=lambda one: one[0]))
        }

    def primary(self, name: str, keyed: Mapping[str, Any]) -> str:
        """Return the key of the item marked as primary, else of the first. Empty for a list without a primary item."""
        item = self.fields[name].item
        if item is None or item.part not in PRIMARY:
            return ""
        return next((key for key, one in keyed.items() if member(one, MARK) is True), next(iter(keyed), ""))

    def _keyed(self, name: str, form: Any) -> str:
        return self._digest(f"{name}\0{msgspec.json.encode(form, order='deterministic').decode()}")


def bases_of_items(known: FieldBase, sent: Collection[str], place: Callable[[str], str | None]) -> dict[str, ItemBase]:
    """Return the base of each item of the source by its key. An item in another spelling, for example a number that has
    got its country, has the base of the former one at its place at the target."""
    former = {last.key or key: last for key, last in known.items.items() if key not in sent}
    bases = {key: known.items.get(key) or former.get(place(key) or "") for key in sent}
    return {key: base for key, base in bases.items() if base is not None}


def base_of_siblings(source: Base, target: Base) -> Base:
    """Return the base of two records that are copies of one: `source` and `target` are the bases of those copies.

    It has the fields and items that both got from the same value of that record. Nothing of it was put there by a copy
    of one of the two, so neither clears it at the other."""
    return {name: one for name in source.keys() & target.keys() if (one := _of_siblings(source[name], target[name]))}


def _of_siblings(source: FieldBase, target: FieldBase) -> FieldBase | None:
    if source.source != target.source:
        return None
    items = {
        item.key or key: ItemBase(source=item.target, key=other.key or key, target=other.target)
        for key, item in source.items.items()
        if (other := target.items.get(key)) and other.source == item.source and _is_from_copy(item)
    }
    if not items and (source.items or not _is_from_copy(source)):
        return None
    return FieldBase(source=source.target, target=target.target, items=items)


def _is_from_copy(copy: FieldBase | ItemBase) -> bool:
    """Return whether the value at the target of a copy is that of its source: put there by it, or equal."""
    return bool(copy.source and copy.target) and (copy.put or copy.source == copy.target)


def is_unchanged(base: Base, source: Mapping[str, FieldState], missing: Collection[str]) -> bool:
    """Return whether the source is as it was when it was copied. A field that it could not supply (`missing`) counts as
    unchanged if it is empty."""
    return all(_is_as_before(base.get(name), state, name in missing) for name, state in source.items())


def _is_as_before(known: FieldBase | None, state: FieldState, is_missing: bool) -> bool:
    if known is None:
        return not state.value and not state.items
    then = {key: one.source for key, one in known.items.items()}
    if is_missing:
        return state.items.items() <= then.items() and state.value in ("", known.source)
    return state.items == then and state.value == known.source


def is_as_left(base: Base, target: Mapping[str, FieldState]) -> bool:
    """Return whether these fields of the target are as the last copy left them. The target's own items do not count."""
    return all(
        not (known := base.get(name)) or _is_as_left(known, state, is_list=name in MERGED)
        for name, state in target.items()
    )


def _is_as_left(known: FieldBase, state: FieldState, *, is_list: bool) -> bool:
    if not is_list:
        return state.value == known.target
    arrived = {one.key or key: one.target for key, one in known.items.items() if one.target}
    return all(state.items.get(key) == value for key, value in arrived.items()) and state.value == known.target


def member(part: Any, name: str) -> Any:
    """Return a member of a Struct or of its JSON form; UNSET without it."""
    return part.get(name, UNSET) if isinstance(part, Mapping) else getattr(part, name, UNSET)


def likeness(one: Any, other: Any, field: ComparedField) -> int:
    """Return how many members of two items of a list are equal."""
    members = {} if field.item is None else field.item.members
    return sum(
        same(member(other, inner), value, kind)
        for inner, kind in members.items()
        if not is_empty(value := member(one, inner), kind)
    )
