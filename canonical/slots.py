"""Decide which items of two lists need the same slot of a vendor, such as the one mobile number. A slot is like a
field: an item of the source and one of the target that need it are two values of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

Slots = Callable[[Sequence[Any]], Mapping[Any, int]]
"""Returns, for each slot of a vendor, the index of the item that it stores there. Items without a slot are not
stored, and take no slot when further items come."""


def clashing(
    items: Mapping[str, Any], first: Collection[str], wanted: Sequence[Mapping[str, Any]], slots: Slots
) -> list[str]:
    """Return the keys of the items that do not get their slot next to those of `first`, or would move one of them.

    `items` are all items in order. The slot of an item is that in the last list of `wanted` with it. An item without a
    slot takes any.
    """
    own: dict[str, Any] = {}
    for one in wanted:
        own |= _slots_in(one, slots)
    kept, left = _slots_in({key: item for key, item in items.items() if key in first}, slots), list[str]()
    further = [key for key in items if key not in kept]
    if any(slot is None and own.get(key) is not None for key, slot in kept.items()):
        return further
    places = {key: place for place, key in enumerate(items)}
    kept = {key: slot for key, slot in kept.items() if slot is not None}  # the others would make each step longer
    for key in further:
        together = _slots_in({one: items[one] for one in sorted((*kept, key), key=places.__getitem__)}, slots)
        if all(own.get(one) in (None, slot) for one, slot in together.items()):
            kept = {one: slot for one, slot in together.items() if slot is not None}
        else:
            left.append(key)
    return left


def _slots_in(items: Mapping[str, Any], slots: Slots) -> dict[str, Any]:
    """Return the slot of each item; None without one."""
    keys = list(items)
    return dict.fromkeys(keys) | {keys[index]: slot for slot, index in slots(list(items.values())).items()}
