"""Choose among several postal addresses, for vendors that store one, or one of each kind. Each choice adds a loss."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from canonical.order_patch import OrderPatch
from canonical.parts import AddressPatch, AddressType, ReferencePatch
from mappings.spec import Notes

S = TypeVar("S", bound=str)


def placed(
    addresses: Sequence[AddressPatch], slots: Mapping[S, tuple[AddressType, ...]], vendor: str, notes: Notes
) -> dict[S, tuple[str, AddressPatch]]:
    """Return the address for each slot of the vendor (`slots_of`), with its pointer."""
    chosen = slots_of(slots)(addresses)
    for slot, index in chosen.items():
        _note_type(_type(addresses[index]), slots[slot][0], f"/addresses/{index}", vendor, notes)
    for index in sorted({*range(len(addresses))}.difference(chosen.values())):
        places = (
            " and ".join(f"one of type {types[0]}" for types in slots.values()) if len(slots) > 1 else "one address"
        )
        notes.lose(f"/addresses/{index}", "dropped", f"{vendor} stores {places}: another one is written")
    return {slot: (f"/addresses/{index}", addresses[index]) for slot, index in chosen.items()}


def slots_of(
    slots: Mapping[S, tuple[AddressType, ...]],
) -> Callable[[Sequence[AddressPatch]], dict[S, int]]:
    """Return what chooses the address for each slot of a vendor, by index (`Slots`). `slots` names the types that a
    slot takes, its own first. The default address comes first, then the order of the types, then that of the array."""

    def choose(addresses: Sequence[AddressPatch]) -> dict[S, int]:
        left, chosen = dict(enumerate(addresses)), dict[S, int]()
        own = [(slot, types[:1]) for slot, types in slots.items()] if len(slots) > 1 else []
        for slot, types in (*own, *slots.items()):
            fitting = [index for index, one in left.items() if _type(one) in types]
            if slot in chosen or not fitting:
                continue
            chosen[slot] = min(fitting, key=lambda one: (not left[one].is_default, types.index(_type(left[one])), one))
            del left[chosen[slot]]
        return chosen

    return choose


def country_in(
    slot: str,
    slots: Mapping[S, tuple[AddressType, ...]],
    addresses: Sequence[AddressPatch] | None | UnsetType,
    stored: str | None,
) -> str | None:
    """Return the country of the address in a slot after a write, in which the vendor's numbers are read: that of the
    present record (`stored`) if no addresses are sent."""
    if isinstance(addresses, UnsetType):
        return stored
    place = {str(name): index for name, index in slots_of(slots)(addresses or ()).items()}.get(slot)
    return None if place is None else (addresses or ())[place].country_code or None


def check_type(address: AddressPatch | None, kind: AddressType, pointer: str, vendor: str, notes: Notes) -> None:
    """Note a loss if the address of an order has another type than its place, or is a default one."""
    if address is None:
        return
    if _type(address) not in ("unknown", kind):
        notes.lose(f"{pointer}/type", "coerced", f"{vendor} stores it as the {kind} address of the order")
    note_default(address, pointer, "an order has one address for each purpose and no default", notes, reads=False)


def note_default(address: AddressPatch, pointer: str, detail: str, notes: Notes, *, reads: bool = True) -> None:
    """Note a loss if the address does not read as the default one (`reads`) as it was sent."""
    if address.is_default not in (UNSET, reads):
        notes.lose(f"{pointer}/is_default", "coerced", detail)


def _type(address: AddressPatch) -> AddressType:
    return "unknown" if address.type is UNSET else address.type


def _note_type(sent: AddressType, stored: AddressType, pointer: str, vendor: str, notes: Notes) -> None:
    if sent == stored:
        return
    if sent == "unknown":
        notes.lose(f"{pointer}/type", "defaulted", f"an address without a type is stored as the {stored} address")
    elif stored == "unknown":
        notes.lose(f"{pointer}/type", "coerced", f"{vendor} stores the address without its type")
    else:
        notes.lose(f"{pointer}/type", "coerced", f"it is stored as the {stored} address, the nearest one at {vendor}")


def with_buyer(
    patch: OrderPatch,
    stored: Mapping[str, str | None],
    vendor: str,
    notes: Notes,
    *,
    members: tuple[str, ...] = ("name",),
    is_new: bool = True,
    in_shipping: bool = False,
) -> OrderPatch:
    """Return the patch with the buyer's name (`members`) in the billing address, for a vendor that stores it only
    there; `in_shipping`: or in the shipping address. `stored` are the present ones. A new order without an address gets
    one with nothing else."""
    for member in members:
        buyer, billing, shipping = patch.customer, patch.billing_address, patch.shipping_address
        wanted = getattr(buyer, member) if isinstance(buyer, ReferencePatch) else None
        if not wanted or not isinstance(buyer, ReferencePatch):
            continue
        patch = replace(patch, customer=replace(buyer, **{member: None}))
        places = (billing, shipping) if in_shipping else (billing,)
        sent = [one for one in places if isinstance(one, AddressPatch)]
        kept = None if isinstance(billing, AddressPatch) else stored.get(member)  # an address is replaced whole
        names = [getattr(one, member) for one in sent if getattr(one, member)] or [kept]
        address = billing if isinstance(billing, AddressPatch) else AddressPatch() if is_new else None
        if any(names):
            if wanted not in names:
                detail = f"{vendor} shows the {member} in the address as that of the buyer"
                notes.lose(f"/customer/{member}", "coerced", detail)
        elif address is None:
            notes.unsupported(f"/customer/{member}", f"{vendor} stores it in the billing address: send that")
        else:
            notes.lose(f"/customer/{member}", "coerced", f"{vendor} stores it in the billing address")
            patch = replace(patch, billing_address=replace(address, **{member: wanted}))
    return patch
