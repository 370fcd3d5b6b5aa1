"""Merge a record into its copy: base, source and target are compared field by field, and item by item in lists.

A change at the source only is written, also if it replaces or clears. A change at the target only stays, unless the
source owns the field. After changes at both, the owner decides; without an owner the source wins, and the field is a
conflict. Nothing is cleared or removed unless the base proves that a copy put it there.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, Literal, TypeVar

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import fields, replace

from canonical.classes import NAMES
from canonical.copy_base import (
    MARK,
    MOST_COMPARED,
    Base,
    Digests,
    FieldBase,
    ItemBase,
    bases_of_items,
    likeness,
    member,
)
from canonical.field_kinds import ComparedField
from canonical.parts import AddressPatch, CustomFieldPatch
from canonical.portable import DECIDED, MERGED, merged, with_recipient, without_doubled_name
from canonical.same_value import KEYS, PRIMARY, item_key, keys_among, same
from canonical.slots import Slots, clashing

P = TypeVar("P", bound=Struct)
Side = Literal["source", "target"]

KEPT: Final = NAMES | {"external_id", "consents"}
"""Fields that a copy never clears. A consent that is missing at the source is not withdrawn."""
EMAILS: Final = "emails"
REPLACED: Final = frozenset({EMAILS, "phones", "addresses", "tax_ids"})
"""Lists in which a new item replaces one that was removed. Tags and settings are independent of each other."""


class Rules(Struct, frozen=True, kw_only=True):
    """The conditions of a merge: the owner of each field, if it is one of the two; the fields that the source could not
    supply; whether an e-mail address is the login at the target and stays the primary one; whether the record was found
    by its address, which then stays as it is; the slots of the target, by list."""

    owners: Mapping[str, Side] = {}
    missing: Collection[str] = ()
    keeps_login: bool = False
    keeps_emails: bool = False
    slots: Mapping[str, Slots] = {}


class MergedFields(Struct, frozen=True, kw_only=True):
    """The result of a merge. `conflicts`: fields that both sides changed, without an owner. `kept`: those that both
    changed and the target owns. `stale`: those that keep a value which the source no longer has. `replaced`: those that
    have no base and replace a value of the target. `removed`: how many values are cleared or removed and not
    replaced."""

    patch: Any
    conflicts: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    removed: int = 0


class _Outcome(Struct, kw_only=True):
    """The result for one field."""

    value: Any = UNSET
    conflict: bool = False
    kept: bool = False
    stale: bool = False
    removed: int = 0

    def takes(self, owner: Side | None, *, both: bool) -> bool:
        """Return whether a change of the source is written, and record a conflict or a kept value."""
        if both and owner == "target":
            self.kept = True
            return False
        self.conflict = self.conflict or (both and owner is None)
        return True


def merge(patch: P, names: Collection[str], target: Struct, base: Base, rules: Rules, digests: Digests) -> MergedFields:
    """Return what to write of `patch`, the fields that the source supplies, of which those in `names` count.

    `target` is the record at the target. A field without a base is merged as it is for a caller: nothing is removed.
    """
    kind = type(patch)
    new = [name for name in names if name not in base and not _is_there(name, patch, target, digests)]
    first = kind(**{name: getattr(patch, name) for name in new})
    values: dict[str, Any] = {}
    outcomes: dict[str, _Outcome] = {}
    for name in names:
        known = base.get(name)
        if known is None:
            continue
        if name in MERGED:
            outcome = _merge_items(name, getattr(patch, name), getattr(target, name), known, rules, digests)
        else:
            is_clearable = name not in KEPT and _takes_null(kind, name)
            outcome = _merge_value(
                name,
                getattr(patch, name),
                getattr(target, name, None),
                known,
                rules,
                digests,
                is_clearable=is_clearable,
            )
        outcomes[name] = outcome
        values[name] = outcome.value
    return MergedFields(
        patch=without_doubled_name(replace(merged(first, target, keep_emails=rules.keeps_emails), **values), target),
        conflicts=tuple(name for name, one in outcomes.items() if one.conflict),
        kept=tuple(name for name, one in outcomes.items() if one.kept),
        stale=tuple(name for name, one in outcomes.items() if one.stale),
        replaced=tuple(
            name
            for name in new
            if name not in MERGED and getattr(patch, name) and digests.of(name, getattr(target, name, None))
        ),
        removed=sum(one.removed for one in outcomes.values()),
    )


def _is_there(name: str, patch: Struct, target: Struct, digests: Digests) -> bool:
    """Return whether the target already has the value of a field. Lists are merged by item."""
    return name not in MERGED and same(getattr(target, name, None), getattr(patch, name), digests.fields[name])


def _takes_null(kind: type[Struct], name: str) -> bool:
    """Return whether a field can be cleared: one whose values include null."""
    declared = next(one.type for one in fields(kind) if one.name == name)
    return type(None) in getattr(declared, "__args__", ())


def _merge_value(
    name: str, sent: Any, present: Any, known: FieldBase, rules: Rules, digests: Digests, *, is_clearable: bool
) -> _Outcome:
    outcome, owner = _Outcome(), rules.owners.get(name)
    source, target = digests.of(name, sent), digests.of(name, present)
    if isinstance(sent, AddressPatch):
        sent = with_recipient(sent, present)
    both = target != known.target
    if source == known.source or (not source and name in rules.missing):
        if both and source and owner == "source" and not same(present, sent, digests.fields[name]):
            outcome.value = sent
        return outcome
    if same(present, sent, digests.fields[name]) or not outcome.takes(owner, both=both):
        return outcome
    if source:
        outcome.value = sent
    elif is_clearable and known.put and not both:
        outcome.value, outcome.removed = None, 1
    else:
        outcome.stale = True
    return outcome


class _Lists:
    """The items of one list at both sides, and the result at the target."""

    def __init__(self, name: str, sent: Any, present: Any, known: FieldBase, digests: Digests) -> None:
        field = digests.fields[name]
        assert field.item is not None  # noqa: S101 - only lists are merged by item
        self.item: ComparedField = field.item
        self.there = {key: _as_patch(one, self.item) for key, one in digests.items(name, present).items()}
        self.sent = digests.items(name, sent or ())
        among = keys_among(self.there.values(), field)
        self._known = known
        self._alike = {
            key: digests.key(name, other)
            for key, item in sorted(self.sent.items(), key=lambda one: one[0] not in known.items)
            if (other := among(item)) != item_key(item, field)
        }
        self.bases = bases_of_items(known, self.sent, self.place)
        self.result = dict(self.there)
        self.waiting: dict[str, Any] = {}
        self.added: set[str] = set()
        self.changed: set[str] = set()
        self.own: set[str] = set()
        self.gone: set[str] = set()

    def place(self, key: str) -> str:
        """Return the key that an item of the source has at the target."""
        last = self._known.items.get(key)
        if last is not None and (last.key or key) in self.there:
            return last.key or key
        return key if key in self.there else self._alike.get(key, key)

    def add(self, key: str) -> None:
        """Add an item of the source."""
        self.result[key] = self.sent[key]
        self.added.add(key)

    def change(self, place: str, key: str, *, whole: bool) -> None:
        """Replace an item of the target by that of the source: as a `whole`, or only the members with a value and those
        of its key, such as both lines of a street. In a setting every value counts, also false and zero."""
        present, sent = self.there[place], self.sent[key]
        if not whole and isinstance(sent, Struct) and not isinstance(sent, CustomFieldPatch):
            names = KEYS.get(type(sent), ())
            members = {
                one: value for one in sent.__struct_fields__ if _has_value(value := getattr(sent, one)) or one in names
            }
            sent = replace(present, **members)
        self.result[place] = sent
        self.changed.add(place)

    def remove(self, place: str) -> None:
        """Remove an item of the target, or leave out one that was added."""
        del self.result[place]
        if place in self.added:
            self.added.remove(place)
        else:
            self.gone.add(place)

    def fit(self, slots: Slots, outcome: _Outcome, owner: Side | None) -> None:
        """Give each added or changed item of the source its slot: take it from other items of the target, or leave the
        item as it was if the target owns the field. The items of the source come first."""
        fresh = (self.added | self.changed) & self.result.keys()
        if not fresh:
            return
        sent = {self.place(key): item for key, item in self.sent.items()}
        ours = {place: self.result[place] for place in sent if place in self.result}
        self.result = ours | self.result

        def clashes(items: Mapping[str, Any], first: Collection[str]) -> list[str]:
            kept = {place: item for place, item in self.there.items() if place not in fresh}
            return clashing(items, first, (sent | {place: self.result[place] for place in fresh}, kept), slots)

        back, first = list[str](), self.result.keys() - fresh
        if owner != "target":  # the source also decides about its items that the target has in the slot of another
            back, first = clashes(ours, ours.keys() - (self.own - fresh)), {*ours}
            self.result |= {place: sent[place] for place in back}
            fresh.update(back)
        left = clashes(self.result, first)
        for key in left:
            if key in self.changed:
                self.result[key] = self.there[key]
            else:
                self.remove(key)
        if back or left:
            outcome.takes(owner, both=True)


def _merge_items(name: str, sent: Any, present: Any, known: FieldBase, rules: Rules, digests: Digests) -> _Outcome:
    outcome, owner = _Outcome(), rules.owners.get(name)
    lists = _Lists(name, sent, present, known, digests)
    first = {lists.place(key): key for key in reversed(lists.sent)}  # of items that the target has as one
    for key, item in lists.sent.items():
        place, last, source = lists.place(key), lists.bases.get(key), digests.of_item(name, item)
        counterpart = lists.there.get(place)
        target = "" if counterpart is None else digests.of_item(name, counterpart)
        is_changed, both = last is None or source != last.source, last is not None and target != last.target
        if counterpart is not None and (last is None or both):
            lists.own.add(place)
        if counterpart is None:
            _merge_absent(outcome, owner, lists, key, last, is_changed=is_changed)
        elif source == target or (is_changed and not _may_replace(name, counterpart, item, is_new=last is None)):
            continue
        elif is_changed and outcome.takes(owner, both=both):
            lists.change(place, key, whole=last is not None and last.put and not both)
        elif not is_changed and both and owner == "source" and first[place] == key:
            lists.change(place, key, whole=False)
    keeps_login = name == EMAILS and rules.keeps_login
    if name not in rules.missing:
        gone = _gone(lists, known)
        if name in KEPT or keeps_login:
            outcome.stale = bool(gone)
        else:
            _remove_gone(name, outcome, owner, lists, gone, digests)
    if name in rules.slots and not keeps_login:
        lists.fit(rules.slots[name], outcome, owner)
    primary = _primary(name, outcome, lists, known, rules, digests)
    if lists.result != lists.there or primary != digests.primary(name, lists.there):
        outcome.value = _with_marks(lists, primary)
        outcome.removed = max(0, len(lists.gone) - len(lists.added))
    return outcome


def _merge_absent(
    outcome: _Outcome, owner: Side | None, lists: _Lists, key: str, last: ItemBase | None, *, is_changed: bool
) -> None:
    """Decide about an item of the source that the target does not have."""
    if last is None or (is_changed and not last.target):
        lists.add(key)
    elif not last.target:
        lists.waiting[key] = lists.sent[key]  # the target had no place for it
    elif is_changed:
        if outcome.takes(owner, both=True):
            lists.add(key)
    elif owner == "source":
        lists.add(key)


def _may_replace(name: str, counterpart: Any, item: Any, *, is_new: bool) -> bool:
    """Return whether an item of the source replaces that of the target with the same key. A system without a consent
    does not know what a person has decided elsewhere."""
    if name == "consents" and counterpart.state in DECIDED:
        return item.state in DECIDED
    return not is_new or name in ("consents", "custom_fields")


def _gone(lists: _Lists, known: FieldBase) -> dict[str, ItemBase]:
    """Return the items of the target that the source no longer has, by place."""
    left = lists.result.keys() - {lists.place(key) for key in lists.sent}
    return {
        place: last for key, last in known.items.items() if key not in lists.sent and (place := last.key or key) in left
    }


def _remove_gone(
    name: str,
    outcome: _Outcome,
    owner: Side | None,
    lists: _Lists,
    gone: Mapping[str, ItemBase],
    digests: Digests,
) -> None:
    """Remove the items that the source has replaced, and those that it no longer has and a copy added. Later changes of
    the target stay."""
    unchanged = [place for place, last in gone.items() if digests.of_item(name, lists.there[place]) == last.target]
    replaced = _replaced(name, unchanged, lists, digests) if name in REPLACED else ()
    for place, last in gone.items():
        if place in unchanged and (last.put or place in replaced):
            lists.remove(place)
            continue
        outcome.stale = True
        if place not in unchanged and last.put and owner != "target":
            outcome.conflict = True


def _replaced(name: str, gone: Collection[str], lists: _Lists, digests: Digests) -> set[str]:
    """Return which items that the source no longer has are replaced: each added item replaces the most similar one, in
    long lists the first one."""
    count = len(lists.added)
    if count >= len(gone) or count * len(gone) > MOST_COMPARED:
        return {*list(gone)[:count]}
    left = dict.fromkeys(gone)
    for key in lists.sent:
        if key in lists.added:
            item, field = lists.sent[key], digests.fields[name]
            del left[max(left, key=lambda place: likeness(item, lists.there[place], field))]
    return {place for place in gone if place not in left}


def _primary(name: str, outcome: _Outcome, lists: _Lists, known: FieldBase, rules: Rules, digests: Digests) -> str:
    """Return the key of the primary item; empty for a list without one."""
    present, sent = digests.primary(name, lists.there), digests.primary(name, lists.sent)
    wanted = lists.place(sent) if sent else ""
    if present not in lists.result:
        is_marked = bool(present or sent)
        return wanted if wanted in lists.result else next(iter(lists.result), "") if is_marked else ""
    if wanted not in lists.result or wanted == present or (name == EMAILS and rules.keeps_login):
        return present
    both, owner = present != known.target, rules.owners.get(name)
    if sent == known.source:
        return wanted if both and owner == "source" else present
    return wanted if outcome.takes(owner, both=both) else present


def _with_marks(lists: _Lists, primary: str) -> tuple[Any, ...]:
    """Return the items to write, one of them as the primary one. Items that the target had no place for come last."""
    has_default = any(member(one, "is_default") is True for key, one in lists.result.items() if key not in lists.added)
    items = list[Any]()
    for key, one in {**lists.result, **lists.waiting}.items():
        marks: dict[str, Any] = {}
        if lists.item.part in PRIMARY:
            marks[MARK] = key == primary
        elif has_default and key in lists.added and not isinstance(member(one, "is_default"), UnsetType):
            marks["is_default"] = False
        items.append(replace(one, **marks) if marks else one)
    return tuple(items)


def _as_patch(item: Any, field: ComparedField) -> Any:
    """Return an item of a record as a caller would send it."""
    if field.part is None:
        return item
    return field.part(**{name: value for name in field.part.__struct_fields__ if _is_set(value := member(item, name))})


def _is_set(value: Any) -> bool:
    return not isinstance(value, UnsetType)


def _has_value(value: Any) -> bool:
    return value not in (None, UNSET, False, "", "unknown", (), [])
