"""Prepare a resource that was read at one connection for a write at another: which values count as absent, and which
lists are merged. The rules are those of the HTTP contract, "Nothing is cleared by accident"."""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import asdict, fields, replace

from canonical import values
from canonical.customer import Customer, CustomerPatch, PhonePatch
from canonical.field_kinds import ComparedField, fields_of
from canonical.parts import AddressPatch, Instant, Loss
from canonical.same_value import PLACE, STREET, fold_tag, is_empty, item_key, keys_among, same, spelling

P = TypeVar("P", bound=Struct)

MERGED: Final = ("emails", "phones", "addresses", "tags", "tax_ids", "consents", "custom_fields")
"""The lists that are merged with those of the target."""
ADDRESS_TEXTS: Final = tuple(name for name in AddressPatch.__struct_fields__ if name not in ("type", "is_default"))
_HAS_VALUE: Final[Mapping[str, Callable[[Any], bool]]] = {
    "addresses": lambda one: any(not _is_blank(getattr(one, name, None) or None) for name in ADDRESS_TEXTS),
    "consents": lambda one: "unknown" not in (one.channel, one.state),
    "custom_fields": lambda one: not _is_blank(one.value),
}
"""Whether an item of a list has a value."""
DECIDED: Final = ("opted_in", "opted_out")
"""States that only a person sets. `never` and `pending` do not replace them."""
SNAPSHOTS: Final = ("billing_address", "shipping_address")
"""The addresses of an order."""
RECIPIENT: Final = ("name", "company", "phone")
"""The members of an address that do not say where it is."""
OWN_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "emails": ("type", "is_primary", "status"),
    "phones": ("e164", "type", "is_primary"),
    "addresses": ("type", "is_default"),
    "tax_ids": ("country_code",),
}
"""The members of items that merging leaves as the record has them."""
NOT_ADDED: Final = {
    "emails": "a record that is found by its e-mail address keeps its addresses",
    "consents": "the record has the person's own decision",
}
"""Why an item of a list is not added to the record's."""
_REPLACED: Final = ("consents", "custom_fields")
"""Lists of settings: an item that was sent replaces the present one with the same key."""


class Origin(Struct, frozen=True, kw_only=True):
    """The `meta` of a body that was read: its connection, the time of the record's last change, the fields that it
    could not supply, and whether the total of an order is not the sum of its parts."""

    connection: str | None = None
    updated_at: Instant | None = None
    missing: frozenset[str] = frozenset()
    total_counts: bool = False


def origin_of(meta: Any) -> Origin:
    """Read the `meta` of a body, which may have any type."""
    if not isinstance(meta, dict):
        return Origin()
    connection, loss, unsupported = (meta.get(name) for name in ("connection", "loss", "unsupported"))
    lost = [one for one in loss if isinstance(one, dict)] if isinstance(loss, list) else []
    paths = [one.get("path") for one in lost if one.get("kind") in ("dropped", "truncated")]
    named = [path.split("/")[1] for path in paths if isinstance(path, str) and path.startswith("/")]
    named += [name for name in unsupported if isinstance(name, str)] if isinstance(unsupported, list) else []
    return Origin(
        connection=connection if isinstance(connection, str) else None,
        updated_at=_instant(meta.get("remote_updated_at")),
        missing=frozenset(named),
        total_counts=any((one.get("path"), one.get("kind")) == ("/totals/total", "ambiguous") for one in lost),
    )


def _instant(sent: Any) -> datetime | None:
    try:
        return msgspec.convert(sent, Instant | None)
    except msgspec.ValidationError:
        return None


def without_clearing(patch: P, may_clear: Callable[[str], bool] = lambda name: False) -> P:
    """Return the patch without `null`, `""`, `[]` and `unknown`, except in fields that may be cleared."""
    changes: dict[str, Any] = {}
    for name, value in asdict(patch).items():
        if value is UNSET or may_clear(name):
            continue
        if name in _HAS_VALUE and value:
            value = tuple(filter(_HAS_VALUE[name], value))
        if _is_blank(value) or (value == "unknown" and name in _enums(type(patch))):
            changes[name] = UNSET
        elif name in _HAS_VALUE:
            changes[name] = value
    return replace(patch, **changes) if changes else patch


def has_value(name: str, item: Any) -> bool:
    """Return whether an item of a list has a value. It may be a Struct or its JSON form."""
    part = SimpleNamespace(**item) if isinstance(item, Mapping) else item
    return name not in _HAS_VALUE or _HAS_VALUE[name](part)


def _is_blank(value: Any) -> bool:
    """Return whether a value is empty. Some systems return an empty text where others return null."""
    return value is None or value in ((), []) or (isinstance(value, str) and not value.strip())


@cache
def _enums(patch: type[Struct]) -> frozenset[str]:
    """Return the fields of which `unknown` is a value."""
    return frozenset(field.name for field in fields(patch) if "unknown" in _words_in(field.type))


def merged(patch: P, record: Struct, *, keep_emails: bool = False) -> P:
    """Return the patch with its lists merged into those of the record: no item of the record is omitted, and no
    recipient of an order's address.

    `keep_emails`: the record was found by its e-mail address, so its addresses stay as they are.
    """
    changes: dict[str, Any] = {}
    for name, present, items in _merged_lists(patch, record, keep_emails=keep_emails):
        whole = tuple(item for item, _ in items)
        changes[name] = UNSET if whole == present else whole
    for name in SNAPSHOTS:
        if isinstance(sent := getattr(patch, name, UNSET), AddressPatch):
            changes[name] = with_recipient(sent, getattr(record, name))
    return without_doubled_name(replace(patch, **changes) if changes else patch, record)


def without_doubled_name(patch: P, record: Struct) -> P:
    """Return the patch without an only name that the record has as its other part."""
    part = _other_part(patch, record) if isinstance(patch, CustomerPatch) else None
    return patch if part is None else replace(patch, **{part: UNSET})


def _other_part(patch: CustomerPatch, record: Any) -> str | None:
    """Return the part of a name that was sent as the only one and that the record has as its only other one: a system
    with one name does not say which part it is."""
    for part, other in (("first_name", "last_name"), ("last_name", "first_name")):
        name = getattr(patch, part)
        if name and not (getattr(patch, other) or getattr(record, part)) and getattr(record, other) == name:
            return part
    return None


def with_numbers(patch: CustomerPatch, record: Customer) -> CustomerPatch:
    """Return a patch of addresses with the telephone numbers of the record, if none are sent and the record reads one
    in its country: in the country of another address it would be another number."""
    if patch.addresses is UNSET or patch.phones is not UNSET:
        return patch
    if all(one.e164 in (None, values.phone(one.raw)) for one in record.phones):
        return patch
    return replace(patch, phones=_as_patches("phones", record.phones, (PhonePatch(),)))


def with_recipient(sent: AddressPatch, present: Any) -> AddressPatch:
    """Return an address of an order with the recipient of the record, as far as none was sent: not every system has a
    place for one, and nothing is cleared by a body from elsewhere. Another name is another recipient, in whatever
    spelling. The place is replaced as a whole."""
    if sent.name and (name := getattr(present, "name", None)) and spelling(sent.name) != spelling(name):
        return sent
    own = {name: text for name in RECIPIENT if not getattr(sent, name) and (text := getattr(present, name, None))}
    return replace(sent, **own) if own else sent


def sent_places(patch: Struct, record: Struct) -> dict[str, str]:
    """Return the pointer of each item of a merged list in the list that was sent, or to the whole list for an item that
    only the record has."""
    return {
        f"/{name}/{index}": f"/{name}" if place is None else f"/{name}/{place}"
        for name, _, items in _merged_lists(patch, record)
        for index, (_, place) in enumerate(items)
    }


def kept_back(patch: Struct, record: Struct, *, keep_emails: bool = False) -> Iterator[Loss]:
    """Yield what the merged lists do not have of those that were sent: an item that the record keeps has the record's
    own type, marks and spelling, a further one is not the primary one, and a decision about consent stays. An only name
    stays the part that it is."""
    if isinstance(patch, CustomerPatch) and (part := _other_part(patch, record)):
        yield Loss(path=f"/{part}", kind="coerced", detail="the record has it as its only other name")
    for name, _, items in _merged_lists(patch, record, keep_emails=keep_emails):
        sent = getattr(patch, name)
        for item, place in items:
            own = () if place is None else OWN_MEMBERS.get(name, ())
            if name == "phones" and place is not None and sent[place].e164 is None:
                own += ("raw",)
            if name == "tags" and place is not None and fold_tag(sent[place]) != fold_tag(item):
                yield Loss(path=f"/tags/{place}", kind="coerced", detail=f"the record keeps its own {item!r}")
            for member in own:
                if getattr(sent[place], member) not in (UNSET, None, "unknown", getattr(item, member)):
                    path = f"/{name}/{place}/{member}"
                    yield Loss(path=path, kind="coerced", detail="the lists are merged: the record keeps its own")
        places = {place for _, place in items}
        left = [place for place in range(len(sent)) if place not in places]
        if name in NOT_ADDED:
            yield from (Loss(path=f"/{name}/{place}", kind="dropped", detail=NOT_ADDED[name]) for place in left)
        elif left:
            equals = [(place, sent[place]) for place in left]
            yield from _lost_of_equals(name, equals, [item for item, _ in items], fields_of(type(patch))[name])


def _lost_of_equals(
    name: str, equals: Sequence[tuple[int, Any]], items: Sequence[Any], field: ComparedField
) -> Iterator[Loss]:
    """Yield what is lost of items that are not in the merged list, because it has an equal one of each: what only they
    say. `equals` are their places in the list that was sent, and they."""
    key = keys_among(items, field)
    by_key = {key(one): one for one in reversed(items)}
    for place, sent in equals:
        for member, kind in field.item.members.items() if field.item is not None else ():
            value = getattr(sent, member)
            if member in ("e164", "raw") or value is False or is_empty(value, kind):
                continue
            if not same(getattr(by_key[key(sent)], member), value, kind):
                detail = "the lists are merged: an equal item of the list counts"
                yield Loss(path=f"/{name}/{place}/{member}", kind="coerced", detail=detail)


def _merged_lists(
    patch: Struct, record: Struct, *, keep_emails: bool = False
) -> Iterator[tuple[str, tuple[Any, ...], list[tuple[Any, int | None]]]]:
    """Yield each list that is sent: its name, the record's items, and the merged items with their places in the list
    that was sent."""
    for name in MERGED:
        sent = getattr(patch, name, UNSET)
        if not isinstance(sent, tuple) or not sent:
            continue
        present = _as_patches(name, getattr(record, name), sent)
        if keep_emails and name == "emails" and present:
            key = keys_among(present, fields_of(type(patch))[name])
            places = {key(one): place for place, one in enumerate(sent)}
            yield name, present, [(one, places.get(key(one))) for one in present]
        else:
            yield name, present, _merged_list(name, present, sent, fields_of(type(patch))[name])


def _merged_list(
    name: str, present: tuple[Any, ...], sent: tuple[Any, ...], field: ComparedField
) -> list[tuple[Any, int | None]]:
    """Return the items with their places in `sent`. A system without a consent does not know what a person has decided
    elsewhere."""
    key = keys_among(present, field)
    decided = {key(one) for one in present if name == "consents" and one.state in DECIDED}
    wanted: dict[str, list[int]] = {}
    for place, one in enumerate(sent):
        if (own := key(one)) not in decided or one.state in DECIDED:
            wanted.setdefault(own, []).append(place)
    pairs, types = _pairs(present, sent, wanted, key), dict[str, set[str]]()
    for one in present:
        types.setdefault(key(one), set()).add(_type_of(one))
    new: dict[str, int] = {}
    for own, places in wanted.items():
        for place in places:
            kind = _type_of(sent[place]) if name == "addresses" else ""
            if own in types and not _is_further(kind, types[own]):
                continue
            if (item := f"{own} {kind}") not in new or getattr(sent[place], "is_primary", False) is True:
                new[item] = place
    kept = [(one, pairs.get(at)) for at, one in enumerate(present)]
    return [(_kept(name, one, None if place is None else sent[place], field), place) for one, place in kept] + [
        (_secondary(sent[place], bool(present)), place) for place in sorted(new.values())
    ]


def _pairs(
    present: Sequence[Any], sent: Sequence[Any], wanted: Mapping[str, list[int]], key: Callable[[Any], str]
) -> dict[int, int]:
    """Return the place of each present item that was sent, and its place there: that of the item of the same type and
    with the same texts if there is one, else of the same type, else with the same texts. Remove these from `wanted`,
    the places by key."""
    pairs: dict[int, int] = {}
    for form in (lambda one: (_type_of(one), _texts_of(one)), _type_of, _texts_of, lambda one: None):
        places = defaultdict[tuple[str, Any], deque[int]](deque)
        for own, place in ((own, place) for own, each in wanted.items() for place in each):
            places[own, form(sent[place])].append(place)
        for at, one in enumerate(present):
            if at not in pairs and (alike := places[key(one), form(one)]):
                pairs[at] = alike.popleft()
        taken = {*pairs.values()}
        for each in wanted.values():
            each[:] = [place for place in each if place not in taken]
    return pairs


def _texts_of(item: Any) -> tuple[Any, ...]:
    """Return the texts of an address; of other items, nothing."""
    return tuple(getattr(item, name, None) or None for name in ADDRESS_TEXTS)


def _is_further(kind: str, types: Collection[str]) -> bool:
    """Return whether an address of this type is a further one at a place of which the record has these `types`."""
    return kind not in ("", "unknown", *types) and "unknown" not in types


def _type_of(item: Any) -> str:
    """Return the type of an item; `unknown` without one."""
    kind = getattr(item, "type", UNSET)
    return kind if isinstance(kind, str) else "unknown"


def _kept(name: str, present: Any, sent: Any, field: ComparedField) -> Any:
    """Return an item of the record with the values that were sent for it: for an address its texts, because its
    spelling may differ. Of two places that are divided otherwise, the one with more parts counts as a whole."""
    if sent is None or name not in (*_REPLACED, "addresses"):
        return present
    if name in _REPLACED:
        return sent
    texts = {member: text for member in ADDRESS_TEXTS if (text := getattr(sent, member))}
    if item_key(present, field) != item_key(sent, field):
        divided = max(present, sent, key=lambda one: sum(bool(getattr(one, member)) for member in PLACE))
        return replace(present, **texts | {member: getattr(divided, member) for member in PLACE})
    street = {} if texts.keys().isdisjoint(STREET) else dict.fromkeys(STREET)  # it is the same, divided otherwise
    return replace(present, **street | texts)


def _secondary(one: Any, is_second: bool) -> Any:
    """Return an item without the mark of a primary one, for a list that has one."""
    marks = {
        name: False
        for name in ("is_primary", "is_default")
        if is_second and not isinstance(getattr(one, name, UNSET), UnsetType)
    }
    return replace(one, **marks) if marks else one


def _as_patches(name: str, present: tuple[Any, ...], sent: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the record's items as a caller would send them."""
    if name == "tags":
        return present
    kind = type(sent[0])
    return tuple(
        kind(**{field: value for field in kind.__struct_fields__ if (value := getattr(one, field, UNSET)) is not UNSET})
        for one in present
    )


def _words_in(kind: Any) -> Iterator[Any]:
    for option in getattr(kind, "__args__", ()):
        yield option
        yield from _words_in(option)
