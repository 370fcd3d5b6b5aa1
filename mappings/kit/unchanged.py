"""Remove unchanged fields from a patch before a mapping sees it.

Callers can therefore send back a record as they read it, whole or in part. Unchanged fields are not sent, and not
refused even if the vendor cannot write them.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final, TypeVar

from msgspec import UNSET, Struct
from msgspec.structs import replace

from canonical.field_kinds import fields_of
from canonical.parts import ReferencePatch
from canonical.same_value import same
from mappings.spec import Draft, Mapped, Unmappable

P = TypeVar("P", bound=Struct)
W = TypeVar("W")
A = TypeVar("A")
NONE: Final[Mapping[str, str]] = {}
NUMBERS: Final = {"addresses": "phones"}
"""Of a vendor whose numbers are read in the country of an address."""


def changes_only(
    to_canonical: Callable[[Any, A], Mapped[Any]],
    to_vendor: Callable[[P, Any, A], Draft[W]],
    together: frozenset[str] = frozenset(),
    along: Mapping[str, str] = NONE,
) -> Callable[[P, Any, A], Draft[W]]:
    """Wrap a mapping's `to_vendor` to receive only changed fields. The fields of `together` depend on each other: they
    are removed together or not at all. `along`: with a change of the first field, the vendor reads the second one
    otherwise, so that stays too. If the present record cannot be mapped, the patch stays unchanged."""

    @wraps(to_vendor)
    def drafted(patch: P, current: Any, account: A) -> Draft[W]:
        if current is None:
            return to_vendor(patch, None, account)
        try:
            present = to_canonical(current, account).data
        except Unmappable:
            return to_vendor(patch, current, account)
        return to_vendor(without_unchanged(patch, present, together, along), current, account)

    return drafted


def without_unchanged(
    patch: P, present: Struct, together: frozenset[str] = frozenset(), along: Mapping[str, str] = NONE
) -> P:
    """Return the patch without the fields that already have their value. If the buyer stays the same person, remove the
    buyer's unchanged members as well. For `together` and `along` see `changes_only`."""
    sent = {name: value for name in patch.__struct_fields__ if (value := getattr(patch, name)) is not UNSET}
    field = fields_of(type(patch))
    unchanged = {name for name, value in sent.items() if same(getattr(present, name), value, field[name])}
    if not sent.keys() & together <= unchanged:
        unchanged -= together
    stays = {name for changing, name in along.items() if changing in sent and changing not in unchanged}
    unchanged -= stays
    changed: dict[str, Any] = dict.fromkeys(unchanged, UNSET)
    buyer, known = sent.get("customer"), getattr(present, "customer", None)
    if "customer" not in unchanged | stays and isinstance(buyer, ReferencePatch) and known is not None:
        changed["customer"] = _without_unchanged_members(buyer, known)
    return replace(patch, **changed)


def _without_unchanged_members(buyer: ReferencePatch, known: Struct) -> ReferencePatch:
    if buyer.id is not None or buyer.remote_id not in (None, getattr(known, "remote_id", None)):
        return buyer
    members = fields_of(ReferencePatch)
    unchanged = [name for name, one in members.items() if same(getattr(known, name), getattr(buyer, name), one)]
    return replace(buyer, **dict.fromkeys(unchanged, None))
