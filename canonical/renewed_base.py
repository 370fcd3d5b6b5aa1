"""Renew the bases of a copy after it: that of its direction, and that of the opposite one.

Values that the two records now share are recorded in both, so a loss at the target is never carried back. Values that
the target changed itself keep their old base in both, so they still count as changes.
"""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from canonical.copy_base import (
    MOST_COMPARED,
    Base,
    Digests,
    FieldBase,
    FieldState,
    ItemBase,
    bases_of_items,
    likeness,
    member,
)
from canonical.portable import MERGED
from canonical.same_value import keys_among

NOTHING = FieldBase()


class Copied(Struct, frozen=True, kw_only=True):
    """A completed copy: the fields of the source (`sent`) and of the target after it (`after`), the target before it as
    digests, the patch that was `written`, and the fields that the source could not supply. `composed` are the fields
    that the target derives from others, and `left` those whose change it did not take and which the next copy tries
    again, unless the copy `reports` it: then only the next copy of a caller does."""

    names: tuple[str, ...]
    sent: Any
    after: Any
    before: Mapping[str, FieldState]
    written: Any
    composed: Collection[str]
    missing: Collection[str]
    left: Collection[str] = ()
    reports: bool = False

    @property
    def is_new(self) -> bool:
        """Return whether the copy made the target: then its own values are no changes."""
        return not self.before

    def is_written(self, name: str) -> bool:
        """Return whether the target's value comes from the write."""
        return name in self.composed or member(self.written, name) is not UNSET


def renewed(base: Base, opposite: Base, copied: Copied, digests: Digests) -> tuple[Base, Base]:
    """Return the changes of the base of the copy, and of the base of the opposite direction."""
    ahead, back = dict[str, FieldBase](), dict[str, FieldBase]()
    for name in copied.names:
        renew = _renew_items if name in MERGED else _renew_value
        ahead[name], other = renew(name, base.get(name), opposite.get(name, NOTHING), copied, digests)
        if other is not None:
            back[name] = other
    return ahead, back


def _renew_value(
    name: str, known: FieldBase | None, opposite: FieldBase, copied: Copied, digests: Digests
) -> tuple[FieldBase, FieldBase | None]:
    source, target = (digests.of(name, member(one, name)) for one in (copied.sent, copied.after))
    is_written = copied.is_written(name)
    before = copied.before.get(name, FieldState()).value
    if known is not None and name in copied.missing and not source:
        source = known.source
    is_common = is_written or copied.is_new or source == target or (known is not None and known.target == target)
    was_put = known is not None and known.put and known.target == target
    then = known or NOTHING
    is_left = source != target and (name in copied.left or then.reported == source)
    ahead = FieldBase(
        source=then.source if is_left else source,
        reported=(source if copied.reports else then.reported) if is_left else None,
        target=target if is_common or known is None else known.target,
        put=bool(target) and (was_put or (is_written and target != before)),
    )
    if not is_common:
        return ahead, None
    return ahead, FieldBase(source=target, target=source, put=opposite.put and opposite.target == source)


def _renew_items(
    name: str, known: FieldBase | None, opposite: FieldBase, copied: Copied, digests: Digests
) -> tuple[FieldBase, FieldBase | None]:
    sent, after = (digests.items(name, member(one, name) or ()) for one in (copied.sent, copied.after))
    before, is_written = copied.before.get(name, FieldState()).items, copied.is_written(name)
    tried = {*before, *digests.items(name, member(copied.written, name) or ())} if is_written else ()
    then = NOTHING if known is None else known
    places = _places(name, sent, after, then, before if is_written else after, digests)
    bases = bases_of_items(then, sent, places.get)
    ahead = {key: one for key, one in then.items.items() if key not in sent and name in copied.missing}
    back = {key: one for key, one in opposite.items.items() if key in after or (one.key or key) in sent}
    for key, item in sent.items():
        source, place, last = digests.of_item(name, item), places.get(key), bases.get(key)
        if place is None:  # it has not arrived, or the target has removed it
            # If it was there or was sent, the target has no place for it.
            is_lost = last is None or (last.key or key) in tried or key in tried
            target = "" if last is None or is_lost else last.target
            ahead[key] = ItemBase(source=source, key="" if last is None else last.key, target=target)
            continue
        target = digests.of_item(name, after[place])
        is_changed = is_written and target != before.get(place)
        was_put = last is not None and last.put and last.target == target
        if not (last is None or is_changed or source == target or last.target == target):
            ahead[key] = msgspec.structs.replace(last, source=source)
            continue
        ahead[key] = ItemBase(
            source=source, key="" if place == key else place, target=target, put=was_put or is_changed
        )
        earlier = back.get(place)
        back[place] = ItemBase(
            source=target,
            key="" if place == key else key,
            target=source,
            put=earlier is not None and earlier.put and earlier.target == source,
        )
    ours, theirs = digests.primary(name, sent), digests.primary(name, after)
    is_common = known is None or is_written or places.get(ours) == theirs
    return (
        FieldBase(source=ours, target=theirs if is_common else then.target, items=ahead),
        FieldBase(
            source=theirs if is_common else opposite.source, target=ours if is_common else opposite.target, items=back
        ),
    )


def _places(
    name: str,
    sent: Mapping[str, Any],
    after: Mapping[str, Any],
    known: FieldBase,
    before: Collection[str],
    digests: Digests,
) -> dict[str, str]:
    """Return the key at the target of each source item that the target has: its own key, its key at the last copy, that
    in another spelling, or the key of the new item that the vendor stored it as."""
    places, taken = dict[str, str](), set[str]()
    among = keys_among(after.values(), digests.fields[name])
    for key, item in sent.items():
        last = known.items.get(key)
        place = key if key in after or last is None else last.key or key
        if place not in after:
            place = digests.key(name, among(item))
        if place in after and place not in taken:
            places[key] = place
            taken.add(place)
    new = [key for key in after if key not in before and key not in taken]
    left = [key for key in sent if key not in places]
    for place in new if len(new) * len(left) <= MOST_COMPARED else ():
        alike = {key: likeness(sent[key], after[place], digests.fields[name]) for key in left}
        best = max(alike.values(), default=0)
        candidates = [key for key, number in alike.items() if number == best]
        if len(candidates) == 1 and (best or len(new) == len(left) == 1):
            places[candidates[0]] = place
            left.remove(candidates[0])
    return places
