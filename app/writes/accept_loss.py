"""Judge what a write would lose, by the caller's `?loss=` and the classes of the fields.

A field that already has the value that was sent loses nothing. An order may not get another sum than its body adds up
to.
"""

from collections.abc import Callable, Collection
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Struct, UnsetType

from app.errors import InvalidField, UnsupportedField, VendorDrifted
from app.links.models import TotalDifference
from app.problem_document import FieldError, summary
from app.writes.operation_view import changed_fields
from app.writes.resolved_write import PresentRecord, ResolvedWrite
from canonical.classes import LINE, NAMING, Traits, is_essential
from canonical.field_kinds import ComparedField, fields_of
from canonical.order import Order
from canonical.order_patch import LineItemPatch, OrderPatch
from canonical.parts import Loss, sent_or
from canonical.references import PEOPLE
from canonical.same_value import is_empty, same
from canonical.totals import PARTS, BodySum, holds_lines, holds_sums, sum_of
from mappings.endpoints import FieldRefusal
from mappings.kit.patches import IMPLIED
from mappings.manifest import Vendor
from mappings.spec import Draft

TOTAL = "/totals/total"
IS_TEST: Final = "/is_test"
SUMS = frozenset({"discounts", "shipping_lines", "fees"})
"""The lists, other than the lines, whose items are parts of the sum."""
AMOUNTS: Final = SUMS | {"line_items"}
OTHER_FORMS: Final = frozenset({"number", "display_name", "first_name", "last_name", "description", "description_html"})
"""Fields that a vendor numbers itself or builds from others."""
NOTHING: Final = (None, False, "", (), "none", "unknown")
KEEP_IT = "Change the order at {}, or accept that its sum stays with ?loss=any"
STAYS: Final = "it stays, because an empty list clears nothing on an upsert, or if it comes from another connection"
LINES: Final = "line_items"
DESCRIBING: Final = frozenset(LineItemPatch.__struct_fields__) - LINE


def accept_loss(resolved: ResolvedWrite, draft: Draft[Any], kept: Collection[str] = ()) -> tuple[Loss, ...]:
    """Return the loss of the write. Raises InvalidField for an invalid value, and UnsupportedField for what the caller
    does not accept to lose (`?loss=`). `kept`: lists of which the record keeps its primary item."""
    title, intent = resolved.connection.vendor.title, resolved.intent
    invalid = tuple(_error(refusal) for refusal in draft.refused if refusal.kind == "invalid")
    if invalid:
        raise InvalidField(f"{title} cannot store this: {summary(invalid)}", errors=invalid)
    errors = [_error(refusal) for refusal in barring(resolved, draft.refused, kept)]
    if intent.loss == "none":
        errors += [FieldError(pointer=one.path, detail=one.detail) for one in draft.loss]
    elif intent.loss == "descriptive":
        cut = [one for one in draft.loss if one.kind in ("dropped", "truncated")]
        if cut:
            is_vital = _essential(resolved, kept)
            errors += [FieldError(pointer=one.path, detail=one.detail) for one in cut if is_vital(one.path)]
    if errors:
        raise UnsupportedField(f"{title} has no place for this: {summary(errors)}", errors=tuple(errors))
    return draft.loss + dropped(draft.refused)


def barring(
    resolved: ResolvedWrite, refused: tuple[FieldRefusal, ...], kept: Collection[str] = ()
) -> tuple[FieldRefusal, ...]:
    """Return the refusals that the caller does not accept to lose."""
    if resolved.intent.loss == "none":
        return refused
    if resolved.intent.loss == "any":
        return tuple(one for one in refused if one.kind == "invalid")
    if not refused:
        return ()
    is_vital = _essential(resolved, kept)
    return tuple(one for one in refused if one.kind == "invalid" or is_vital(one.pointer))


def _essential(resolved: ResolvedWrite, kept: Collection[str]) -> Callable[[str], bool]:
    """Return the test of a pointer, with the body decoded once."""
    intent, vendor = resolved.intent, resolved.connection.vendor
    if intent.action == "cancel" or intent.edits_tags:
        return lambda pointer: True  # the call asks for nothing else
    patch = resolved.patch
    if resolved.whole is not None:  # what a field of a copy means depends on the others, also those that are not sent
        whole = resolved.as_whole.patch
        patch = msgspec.structs.replace(whole, **{name: getattr(patch, name) for name in changed_fields(intent)})
    traits: Traits = vendor.traits if isinstance(vendor, Vendor) else frozenset()
    if resolved.deps.is_production and not resolved.deps.vendors.is_test(resolved.connection):
        traits |= {"live"}
    return lambda pointer: _field(pointer) not in kept and is_essential(patch, pointer, traits, intent.upsert_on)


def dropped(refused: tuple[FieldRefusal, ...]) -> tuple[Loss, ...]:
    """Return refused fields as losses."""
    return tuple(Loss(path=refusal.pointer, kind="dropped", detail=refusal.detail) for refusal in refused)


def _error(refusal: FieldRefusal) -> FieldError:
    return FieldError(pointer=refusal.pointer, detail=refusal.detail)


def accept_total(resolved: ResolvedWrite, draft: Draft[Any], account: Any) -> tuple[Loss, ...]:
    """Return the loss of a new order whose sum would differ. Raises UnsupportedField where the caller does not accept
    one (`?loss=any`)."""
    intent, title = resolved.intent, resolved.connection.vendor.title
    wanted = sum_of(resolved.patch)
    if wanted is None:
        return ()
    total_of = resolved.mapping.total_of
    assert total_of is not None  # noqa: S101 - every mapping that creates orders has one
    becomes = total_of(draft.body, account)
    is_kept = becomes is None or wanted.is_about(becomes)
    becoming = wanted.total if becomes is None else becomes
    if intent.total is not None and not wanted.is_about(Decimal(intent.total)):
        wrong = "The body contradicts itself"
        detail = (
            f"totals.total is {intent.total}, and the parts add up to {wanted.total:f}, at {title} to {becoming:f}:"
            f" send the prices, discounts, shipping, fees and taxes that make up the total, or no totals"
        )
    elif not is_kept:
        wrong = f"{title} would get another sum"
        detail = f"the body adds up to {wanted.total:f}, at {title} it would be {becoming:f}. {_way_out(draft, title)}"
    else:
        return ()
    if intent.loss != "any":
        raise UnsupportedField(f"{wrong}: {detail}", errors=(FieldError(pointer=TOTAL, detail=detail),))
    return (Loss(path=TOTAL, kind="coerced", detail=detail),)


async def accept_change(resolved: ResolvedWrite, draft: Draft[Any], present: PresentRecord) -> None:
    """Raise UnsupportedField for the change of an order whose vendor cannot change a part of its sum, unless the order
    has the sum of the body, or the caller accepts another one (`?loss=any`)."""
    kept = [one for one in draft.refused if one.kind == "unsupported" and _is_part(one.pointer)]
    if kept:
        named = "; ".join(f"{one.pointer} ({one.detail})" for one in kept)
        await _accept_sum(resolved, f"{resolved.connection.vendor.title} does not change {named}", present)


async def accept_emptied(resolved: ResolvedWrite, present: PresentRecord) -> tuple[Loss, ...]:
    """Return the loss of the parts of a sum that were sent empty and stay, because an empty list of another connection
    clears nothing. Raises UnsupportedField for a PATCH, like `accept_change` if the body has another sum, and under
    `?loss=none`: in an upsert an empty list counts as absent, and a shop may have added a charge of its own."""
    intent, emptied = resolved.intent, AMOUNTS.intersection(resolved.intent.emptied)
    if intent.copy_of is not None or not emptied:
        return ()
    patch = resolved.patch
    names = [name for name in sorted(emptied) if not sent_or(getattr(patch, name), ())]
    try:
        order = (await present.mapped()).data
    except VendorDrifted:  # it can still be written to, and no one knows whether it has such a part
        return ()
    kept = tuple(Loss(path=f"/{name}", kind="dropped", detail=STAYS) for name in names if getattr(order, name))
    if not kept or intent.action != "update":
        return kept
    if intent.loss == "none":
        errors = tuple(FieldError(pointer=one.path, detail=one.detail) for one in kept)
        raise UnsupportedField(f"The order keeps this: {summary(errors)}", errors=errors)
    total = intent.total
    differs = bool(patch.line_items) if total is None else Decimal(total) != Decimal(order.totals.total)
    if differs:
        await _accept_sum(resolved, f"{kept[0].path} is empty: {STAYS}", present)
    return kept


async def accept_merge(resolved: ResolvedWrite, changed: Collection[str], present: PresentRecord) -> None:
    """Raise UnsupportedField like `accept_change` for a copy that changes no part of the sum, although the source has
    `changed` one: the target keeps it, or has it in another place."""
    copied, patch = resolved.intent.copy_of, resolved.patch
    if copied is None or not AMOUNTS.intersection(changed) or not AMOUNTS.issubset(copied.names):
        return
    order, kinds = (await present.mapped()).data, fields_of(OrderPatch)
    sent = {name: value for name in AMOUNTS if not isinstance(value := getattr(patch, name), UnsetType)}
    if all(same(getattr(order, name), value, kinds[name]) for name, value in sent.items()):
        names = ", ".join(sorted(AMOUNTS.intersection(changed)))
        await _accept_sum(
            resolved, f"{copied.connection} has changed {names}, which this copy does not change", present
        )


async def _accept_sum(resolved: ResolvedWrite, reason: str, present: PresentRecord) -> None:
    if resolved.intent.loss == "any":
        return
    present_total, wanted = (await present.mapped()).data.totals.total, sum_of(resolved.as_whole.patch)
    if wanted is not None and wanted.is_about(Decimal(present_total)):
        return
    detail = f"{reason}. {KEEP_IT.format(resolved.connection.vendor.title)}"
    raise UnsupportedField(f"The sum would stay as it is: {detail}", errors=(FieldError(pointer=TOTAL, detail=detail),))


def other_total(resolved: ResolvedWrite, order: Order, loss: tuple[Loss, ...]) -> TotalDifference | None:
    """Return the difference between the sum that was asked for and that of the order after the write. None if there is
    none, or if it was announced before (`loss`), or if the vendor counts in another currency."""
    intent, wanted = resolved.intent, sum_of(resolved.as_whole.patch)
    if wanted is None:
        if intent.total is None:
            return None
        wanted = BodySum(total=Decimal(intent.total), slack=Decimal(0))
    currency = resolved.patch.currency
    if any(one.path == TOTAL and one.kind == "coerced" for one in loss) or (
        isinstance(currency, str) and currency != order.currency
    ):
        return None
    computed = order.totals.total
    if wanted.is_about(Decimal(computed)):
        return None
    return TotalDifference(f"{wanted.total:f}", computed)


def filled(resolved: ResolvedWrite, record: Struct, loss: tuple[Loss, ...]) -> tuple[Loss, ...]:
    """Return which fields of a new record have a value although they were sent without one, such as the due date that a
    vendor sets, unless it is announced before (`loss`)."""
    title = resolved.connection.vendor.title
    known = {_field(path) for one in loss for path in (one.path, one.place or one.path)} | OTHER_FORMS
    detail = f"it was sent without a value: {title} has set it"
    return tuple(
        Loss(path=f"/{name}", kind="defaulted", detail=detail)
        for name in resolved.intent.emptied
        if name not in known and getattr(record, name) not in (*NOTHING, IMPLIED.get(name))
    )


def undecided(resolved: ResolvedWrite, is_test: bool | None, loss: tuple[Loss, ...]) -> tuple[Loss, ...]:
    """Return the losses of a new order, without that of its mark as a test: where the vendor's key decides it, an order
    that `is_test` as it was sent loses nothing."""
    if resolved.patch.is_test != is_test:
        return loss
    return tuple(one for one in loss if one.path != IS_TEST)


def _way_out(draft: Draft[Any], title: str) -> str:
    """Return what would be lost, and what the caller can do."""
    lost = [(one.path, one.detail) for one in draft.loss if one.kind == "dropped"]
    lost += [(one.pointer, one.detail) for one in draft.refused]
    named = [f"{pointer} ({why})" for pointer, why in lost if _is_amount(pointer)]
    missing = f"{title} has no place for {'; '.join(named)}. " if named else ""
    return f"{missing}Send these amounts within the prices of the lines, or accept the other sum with ?loss=any"


def _is_amount(pointer: str) -> bool:
    return _is_part(pointer) or pointer.split("/")[3:] == ["tax"]


def _is_part(pointer: str) -> bool:
    """Return whether a pointer names an amount that is part of the sum."""
    name, *inner = pointer.removeprefix("/").split("/")
    return name in SUMS and inner[1:] in ([], ["amount"], ["price"], ["tax"])


def still_refused(refused: tuple[FieldRefusal, ...], patch: Struct, data: Struct) -> tuple[FieldRefusal, ...]:
    """Return the refusals, without those of fields whose value equals the record's.

    A caller who sends a whole order again does not ask for a change of its lines. Lines that say more than the record
    are refused only for what the record lacks. A value that reads as it was sent, such as `unknown`, need not be
    writable. Items of a list are judged all the same, because the list is written whole.
    """
    sent, present = msgspec.to_builtins(patch), msgspec.to_builtins(data)
    fields = fields_of(type(patch))

    @cache  # a list of a thousand lines may be refused at each of them
    def differs(name: str) -> bool:
        return not same(present.get(name), sent[name], fields[name])

    @cache
    def lacking(name: str, detail: str) -> list[FieldRefusal]:
        pointers: list[str] = []
        if name == LINES:
            pointers = _lacking(present.get(name), sent[name], fields[LINES])
        elif name in PEOPLE and sent[name] and sent[name].get("email"):
            pointers = [f"/{name}/{member}" for member in _unkept(present.get(name), sent[name], fields[name])]
        return [FieldRefusal(kind="unsupported", pointer=pointer, detail=detail) for pointer in pointers]

    left: dict[FieldRefusal, None] = {}
    for refusal in refused:
        name = refusal.pointer.split("/")[1]
        is_item = isinstance(sent.get(name), tuple) or refusal.pointer != f"/{name}"
        if name not in sent or (refusal.kind == "invalid" and is_item):
            left[refusal] = None
        elif differs(name):
            further = lacking(name, refusal.detail) if refusal.kind == "unsupported" else []
            if not further or further[0] not in left:
                left |= dict.fromkeys(further or [refusal])
    return tuple(left)


def is_part(refusal: FieldRefusal, among: Collection[str] = PARTS) -> bool:
    """Return whether a refusal is about a part of the sum of an order that the vendor does not change."""
    return refusal.kind == "unsupported" and refusal.pointer.removeprefix("/") in PARTS.intersection(among)


def without_moved(
    refused: tuple[FieldRefusal, ...],
    order: Order,
    whole: OrderPatch,
    new: Draft[Any],
    planned: tuple[LineItemPatch, ...],
) -> tuple[FieldRefusal, ...]:
    """Return the refusals, without those of parts that the order has elsewhere or in another form.

    `new` is the draft of a new order with the whole body. `planned` are its lines, if the vendor folds parts into them.
    """
    changed = [one for one in new.loss if one.kind in ("folded", "coerced")]
    moves = [(one.path, one.place or one.path) for one in changed]
    places = [(_field(path), place) for path, place in moves]
    targets = {_field(place) for _, place in places}
    moved = targets.union(name for name, _ in places)
    sent = _comparable(sent_or(whole.line_items, ()), planned, {path for path, _ in moves})
    lines, further = order.line_items[: len(sent)], order.line_items[len(sent) :]
    if not sent or sum_of(whole) is None or not holds_lines(lines, sent, order.currency):
        return refused
    added = {name for name, place in places if name != LINES and place.startswith(f"/{LINES}/")}
    if not holds_lines(further, planned[len(sent) :], order.currency):
        why = f"the further lines of the order are not what {', '.join(f'/{name}' for name in sorted(added))} would be"
        return tuple(
            msgspec.structs.replace(one, detail=f"{one.detail}; {why}") if added and is_part(one, (LINES,)) else one
            for one in refused
        )
    if not holds_sums(order, whole, moves):  # what is lines alone was compared with them
        elsewhere = {name for name, place in places if not place.startswith(f"/{LINES}/")}
        as_lines = added - elsewhere - targets
        moved = {LINES, *as_lines} if as_lines else set()
    return tuple(one for one in refused if not is_part(one, moved))


def lost_of_moved(new: Draft[Any], moved: Collection[str]) -> tuple[tuple[Loss, ...], tuple[FieldRefusal, ...]]:
    """Return what a new order loses of the parts that the order has elsewhere (`moved`, pointers): where they went, and
    the members that only describe lines."""
    names = {_field(pointer) for pointer in moved}
    loss = tuple(
        one
        for one in new.loss
        if one.kind in ("folded", "coerced") and names & {_field(one.path), _field(one.place or one.path)}
    )
    described = [one for one in new.refused if one.kind == "unsupported" and _field(one.pointer) in names & {LINES}]
    return loss, tuple(one for one in described if not DESCRIBING.isdisjoint(one.pointer.split("/")[3:4]))


def _comparable(
    lines: tuple[LineItemPatch, ...], planned: tuple[LineItemPatch, ...], changed: set[str]
) -> tuple[LineItemPatch, ...]:
    """Return the lines that were sent, with the prices that are planned, without SKUs and taxes that the vendor changes
    (`changed`, pointers)."""
    prices = [one.unit_price for one in planned or lines]

    def kept(line: LineItemPatch, at: int, member: str) -> Any:
        pointers = (f"/{LINES}/{at}", f"/{LINES}/{at}/product", f"/{LINES}/{at}/{member}")
        return None if not changed.isdisjoint(pointers) else getattr(line, member)

    return tuple(
        msgspec.structs.replace(line, unit_price=price, sku=kept(line, at, "sku"), tax=kept(line, at, "tax"))
        for at, (line, price) in enumerate(zip(lines, prices, strict=False))
    )


def _field(pointer: str) -> str:
    return pointer.removeprefix("/").split("/")[0]


def _lacking(present: Any, sent: Any, lines: ComparedField) -> list[str]:
    """Return the pointers of the members of lines that the record lacks. Empty if the lines differ in anything else."""
    if not isinstance(sent, tuple) or not isinstance(present, tuple) or len(sent) != len(present):
        return []
    pointers, item = list[str](), lines.item or lines
    for place, (line, present_line) in enumerate(zip(sent, present, strict=True)):
        absent = [
            name for name in DESCRIBING if present_line.get(name) in (None, ()) and not _names_product(line.get(name))
        ]
        if _unkept(present_line.get("product"), line.get("product"), item.members["product"]):
            absent.append("product")
        if not same(present_line, {name: value for name, value in line.items() if name not in absent}, item):
            return []
        further = (name for name in line if name in absent and line[name] not in (None, ()))
        pointers += [f"/{LINES}/{place}/{name}" for name in further]
    return pointers


def _unkept(present: Any, sent: Any, reference: ComparedField) -> list[str]:
    """Return the members of a reference that name what it is and that the record lacks. Empty if the references differ
    in anything else."""
    if not isinstance(present, dict) or not isinstance(sent, dict):
        return []
    names = [one for one in NAMING if sent.get(one) is not None and present.get(one) is None]
    known = {one: value for one, value in sent.items() if one not in names}
    return sorted(names) if is_empty(known, reference) or same(present, known, reference) else []


def _names_product(value: Any) -> bool:
    return isinstance(value, dict) and any(value.get(id) is not None for id in ("remote_id", "variant_remote_id"))
