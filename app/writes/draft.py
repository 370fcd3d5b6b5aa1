"""Draft the body of a write with its mapping, and judge what is lost."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import accumulate
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from app.errors import InvalidField, UnsupportedField, VendorDrifted
from app.records.map_record import as_vendor_drift, offer_to_shadow
from app.revisions.large_records import run_mapping
from app.telemetry import mapping_span
from app.writes.accept_loss import (
    accept_change,
    accept_emptied,
    accept_loss,
    accept_total,
    barring,
    is_part,
    lost_of_moved,
    still_refused,
    without_moved,
)
from app.writes.models import References
from app.writes.resolve_references import related_of, with_references
from app.writes.resolved_write import PresentRecord, ResolvedWrite
from app.writes.tags import merge_tags, with_own_pointers
from canonical.customer import CustomerPatch
from canonical.order_patch import OrderPatch
from canonical.parts import Loss
from canonical.portable import kept_back, merged, sent_places, with_numbers
from canonical.references import at_target
from mappings.endpoints import FieldRefusal
from mappings.kit.names import one_form
from mappings.kit.no_change import changes_nothing
from mappings.manifest import Manifest, Vendor
from mappings.registry import AnyMapping
from mappings.spec import Draft, Mapped, Unmappable
from mappings.stored import as_stored, too_long

YOUNG: Final = 60.0
"""Account facts that are at most this many seconds old may refuse a write by themselves."""
CUSTOM: Final = "custom_fields"
MEMBERS: Final[Mapping[str, Mapping[str, str]]] = {
    "fees": {"name": "name", "unit_price": "amount", "tax": "tax"},
    "shipping_lines": {"name": "title", "unit_price": "price", "tax": "tax"},
}
"""The members of a fee and of a charge by those of the line that it becomes."""


class Drafted(Struct, frozen=True, kw_only=True):
    """A body to send and what it loses, with the account facts and the present record that it was drafted from."""

    body: Any
    loss: tuple[Loss, ...]
    account: Any
    present: PresentRecord | None


async def draft_body(resolved: ResolvedWrite, present: PresentRecord | None = None) -> Drafted:
    """Draft the body, and judge what is lost. `present` is the record as it is, if there is one.

    What only account facts refuse is drafted again, from the record as it is then and facts at most a minute old: an
    administrator may have added a choice meanwhile. Raises InvalidField, UnsupportedField, VendorDrifted, and the
    vendor's problems if the facts cannot be fetched.
    """
    mapping = resolved.mapping
    while True:
        facts = await resolved.account()
        account = facts if present is None else present.account
        draft = await map_to_vendor(resolved, account, present)
        kept = await _kept_lists(resolved, present)
        try:
            loss = accept_loss(resolved, draft, kept) if draft.loss or draft.refused else ()
            if mapping.object == "order" and present is None:
                loss += accept_total(resolved, draft, account)
            elif mapping.object == "order" and present is not None:
                await accept_change(resolved, draft, present)
                loss += await accept_emptied(resolved, present)
            return Drafted(body=draft.body, loss=loss, account=account, present=present)
        except (InvalidField, UnsupportedField):
            barred = barring(resolved, draft.refused, kept)
            if not refused_by_account_facts(resolved.connection.vendor, mapping, account, barred):
                raise
            if await resolved.account(YOUNG) == facts:
                raise
        if present is not None:
            present = await resolved.fetch_present(present.remote_id)


async def _kept_lists(resolved: ResolvedWrite, present: PresentRecord | None) -> frozenset[str]:
    """Return the merged lists of which the record keeps its primary item, so that what was sent is a further one."""
    if present is None or not resolved.intent.merges:
        return frozenset()
    data = (await present.mapped()).data
    return frozenset(name for name in ("emails", "phones") if getattr(data, name, ()))


async def map_to_vendor(resolved: ResolvedWrite, account: Any, present: PresentRecord | None = None) -> Draft[Any]:
    """Return the draft of the mapping, with the references that are lost, before its refusals are judged.

    Raises VendorDrifted if the mapping cannot read the present record.
    """
    deps, mapping, intent = resolved.deps, resolved.mapping, resolved.intent
    record = None if present is None else await _merged_into(resolved, present)
    raw, current = (None, None) if present is None else (present.raw, present.decoded)
    larger = intent.body if raw is None else max(intent.body, raw, key=len)  # a long body takes as long as a record
    patch, lost = await run_mapping(mapping, larger, account, partial(patch_of, resolved, record))
    with as_vendor_drift(deps, resolved.connection, mapping), mapping_span(mapping.name, mapping.revision, "write"):
        draft = await run_mapping(mapping, larger, account, partial(mapping.to_vendor, patch, current, account))
    if mapping.longest:
        draft = _with_lengths(draft, patch, mapping.longest)
    if draft.loss:
        draft = _without_added_items(draft, patch)
    if not resolved.dry:
        offer_to_shadow(deps, resolved.connection, mapping, raw, account, draft, patch)
    if intent.edits_tags:
        return with_own_pointers(draft, intent.body, patch.tags)
    if record is not None and intent.merges and (draft.loss or draft.refused):
        draft = _at_sent_items(draft, sent_places(resolved.patch, record.data))
    draft = msgspec.structs.replace(draft, loss=lost + draft.loss)
    if present is not None and draft.refused:
        with suppress(VendorDrifted):  # a record that cannot be read as a whole can still be written to
            record = await present.mapped()
            draft = replace(draft, refused=still_refused(draft.refused, patch, record.data))
            if any(map(is_part, draft.refused)):
                return await _without_moved(resolved, draft, patch, record, account, lost)
    return at_sent_pointers(draft, lost) if lost else draft


async def _without_moved(
    resolved: ResolvedWrite,
    draft: Draft[Any],
    patch: Any,
    record: Mapped[Any],
    account: Any,
    lost: tuple[Loss, ...],
) -> Draft[Any]:
    """Return the draft without the refusals of parts of the whole body that the record has elsewhere, and with what is
    lost of these. A copy sends what the source has changed."""
    if not isinstance(patch, OrderPatch):
        return draft  # only orders have amounts that were folded
    mapping, body = resolved.mapping, resolved.as_whole.intent.body
    whole = patch if resolved.whole is None else patch_of(resolved.as_whole, record)[0]
    if mapping.endpoints.with_related is not None:
        related = await related_of(resolved, whole)
        account = mapping.endpoints.with_related(account, resolved.connection.options, related)
    new = await run_mapping(mapping, body, account, partial(mapping.to_vendor, whole, None, account))
    new = _without_added_items(new, whole)
    planned = () if mapping.lines_of is None else mapping.lines_of(new.body)
    refused = without_moved(draft.refused, record.data, whole, new, planned)
    gone = {one.pointer for one in draft.refused if one not in refused}
    draft = at_sent_pointers(replace(draft, refused=refused), lost)
    if resolved.whole is not None:
        return draft
    loss, lacking = lost_of_moved(at_sent_pointers(new, lost), gone)
    named = {one.path for one in loss if one.kind == "folded"}
    kept = tuple(one for one in draft.loss if one.kind != "folded" or one.path not in named)
    return replace(draft, loss=kept + loss, refused=tuple(dict.fromkeys(draft.refused + lacking)))


async def says_nothing(resolved: ResolvedWrite, body: Any, present: PresentRecord) -> bool:
    """Return whether the body of a change names nothing that would change the record."""
    mapping, intent, account = resolved.mapping, resolved.intent, present.account
    record = await _merged_into(resolved, present)
    larger = max(intent.body, present.raw, key=len)
    patch, _ = await run_mapping(mapping, larger, account, partial(patch_of, resolved, record))
    return await run_mapping(
        mapping,
        larger,
        account,
        partial(changes_nothing, mapping, patch, body, present.decoded, account, present.known),
    )


def patch_of(
    resolved: ResolvedWrite, record: Mapped[Any] | None, *, as_sent: bool = False
) -> tuple[Any, tuple[Loss, ...]]:
    """Return the patch as the vendor stores it, and what is lost. `record` is the record as it is, which a write that
    merges or edits tags needs. `as_sent`: with its references as they were sent, and only the texts that the vendor
    changes."""
    intent = resolved.intent
    if intent.edits_tags:
        assert record is not None  # noqa: S101 - tags are changed of a record
        return resolved.mapping.patch(tags=merge_tags(intent.body, record.data.tags)), ()
    references = intent.references or References()
    patch, lost = at_target(resolved.patch, resolved.connection.name)
    if resolved.refers and not as_sent:
        patch = with_references(patch, references)
    patch, changed = as_stored(patch, resolved.mapping.stores)
    if intent.upsert_on is not None and isinstance(patch, CustomerPatch):
        patch, differing = one_form(patch, has_parts=not resolved.mapping.stores_one_name)
        changed = (*changed, *differing)
    if record is not None and intent.merges:
        by_email = intent.upsert_on == "email"
        changed = (*changed, *kept_back(patch, record.data, keep_emails=by_email))
        patch = merged(patch, record.data, keep_emails=by_email)
    if record is not None and isinstance(patch, CustomerPatch):
        patch = with_numbers(patch, record.data)
    return patch, changed if as_sent else (*intent.lost, *lost, *references.lost, *changed)


async def _merged_into(resolved: ResolvedWrite, present: PresentRecord) -> Mapped[Any] | None:
    """Return the record if the patch depends on it. Addresses do for its numbers, if it can be read."""
    intent = resolved.intent
    if intent.merges or intent.edits_tags:
        return await present.mapped()
    if getattr(resolved.patch, "addresses", UNSET) is not UNSET:
        with suppress(VendorDrifted):
            return await present.mapped()
    return None


def _at_sent_items(draft: Draft[Any], places: Mapping[str, str]) -> Draft[Any]:
    """Return the draft of merged lists with the pointers of the sent body."""

    def sent(pointer: str) -> str:
        item = "/".join(pointer.split("/")[:3])
        place = places.get(item, item)
        return place if place.count("/") == 1 else place + pointer.removeprefix(item)

    return replace(
        draft,
        loss=tuple(dict.fromkeys(replace(one, path=sent(one.path)) for one in draft.loss)),
        refused=tuple(dict.fromkeys(replace(one, pointer=sent(one.pointer)) for one in draft.refused)),
    )


def _with_lengths(draft: Draft[Any], patch: Any, longest: Mapping[str, int]) -> Draft[Any]:
    """Return the draft with a refusal of each text that is too long, unless it is not written."""
    lost = {one.path for one in draft.loss if one.kind == "dropped"} | {one.pointer for one in draft.refused}
    refused = tuple(
        FieldRefusal(kind="invalid", pointer=pointer, detail=detail)
        for pointer, detail in too_long(patch, longest)
        if lost.isdisjoint(accumulate(pointer.split("/"), "{}/{}".format))
    )
    return replace(draft, refused=draft.refused + refused) if refused else draft


def _without_added_items(draft: Draft[Any], patch: Any) -> Draft[Any]:
    """Return the draft without pointers to items that the mapping added to a list, such as the line that a fee became:
    with that of what was folded into each."""
    folded = {one.place: one.path for one in draft.loss if isinstance(one.place, str) and _is_added(one.place, patch)}
    if not folded:
        return draft

    def sent(pointer: str) -> str:
        _, name, *inner = pointer.split("/")
        path = folded.get("/".join(["", name, *inner[:1]]))
        if path is None:
            return pointer
        members = MEMBERS.get(path.split("/")[1], {}) if path.count("/") == 2 else {}
        return "/".join([path, *(members[one] for one in inner[1:2] if one in members)])

    return replace(
        draft,
        loss=tuple(replace(one, path=sent(one.path)) for one in draft.loss),
        refused=tuple(replace(one, pointer=sent(one.pointer)) for one in draft.refused),
    )


def _is_added(place: str, patch: Any) -> bool:
    name, _, index = place.removeprefix("/").partition("/")
    items = getattr(patch, name, None)
    return index.isdecimal() and int(index) >= (len(items) if isinstance(items, tuple) else 0)


def at_sent_pointers(draft: Draft[Any], lost: Sequence[Loss]) -> Draft[Any]:
    """Return the draft with the pointers of the sent body. `lost` holds what was folded before the mapping ran
    (`canonical.order_body`): amounts that became items of a list, and negative items that left theirs."""
    folded = {one: None for one in lost if one.kind == "folded"}
    if not folded:
        return draft
    paths = {one.place: one.path for one in folded if isinstance(one.place, str)}
    gone = defaultdict[str, list[int]](list)
    for name, _, index in (one.path.rpartition("/") for one in folded if not one.path.startswith("/totals/")):
        gone[name].append(int(index))
    # How many items of a list went before an item is how many of these are up to its index.
    before = {name: [index - place for place, index in enumerate(sorted(each))] for name, each in gone.items()}
    loss = [one if one in folded else replace(one, path=_sent(one.path, paths, before)) for one in draft.loss]
    further = {one.path for one in loss if one.kind == "folded" and one not in folded}
    return replace(
        draft,
        loss=tuple(one for one in loss if one not in folded or one.path not in further),
        refused=tuple(replace(one, pointer=_sent(one.pointer, paths, before)) for one in draft.refused),
    )


def _sent(pointer: str, paths: Mapping[str, str], before: Mapping[str, Sequence[int]]) -> str:
    name, *inner = pointer.removeprefix("/").split("/")
    if not inner or not inner[0].isdecimal():
        return pointer
    item = f"/{name}/{inner[0]}"
    if item in paths:  # a member of what stands for an amount in `totals` has no pointer of its own
        of_line = name == "discounts" and paths[item].startswith("/line_items/") and inner[1:] == ["amount"]
        member = ["unit_price"] if of_line else inner[1:]
        return paths[item] if paths[item].startswith("/totals/") else "/".join([paths[item], *member])
    place = int(inner[0])
    return "/".join(["", name, str(place + bisect_right(before.get(f"/{name}", ()), place)), *inner[1:]])


def refused_by_account_facts(
    vendor: Manifest, mapping: AnyMapping, account: Any, barring: tuple[FieldRefusal, ...]
) -> bool:
    """Return whether every barring field takes its choices from the account: a status, a type, a custom field.

    Any other refusal is independent of the account, so fetching its facts again would not help.
    """
    barring = tuple(one for one in barring if one.kind == "invalid") or barring
    if not barring or not isinstance(vendor, Vendor) or vendor.choices is None:
        return False
    fields, no_options = {CUSTOM}, ((),) * len(vendor.choices.requests(account))
    with suppress(Unmappable):  # without an option list, what follows from the account facts alone
        fields.update(vendor.choices.read(account, mapping.object, no_options))
    paths = [one.pointer.removeprefix("/").split("/") for one in barring]
    # The key of a custom field is configuration.
    return all(path[0] in fields and (len(path) == 1 or path[-1] != "key") for path in paths)
