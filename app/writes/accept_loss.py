"""Judge what a write would lose, by the caller's `?loss=` and the classes of the fields."""

from collections.abc import Callable
from typing import Any

import msgspec

from app.errors import InvalidField, UnsupportedField
from app.problem_document import FieldError, summary
from app.writes.resolved_write import ResolvedWrite, changed_fields
from canonical.classes import Traits, is_essential
from canonical.parts import Loss
from mappings.spec import Draft, FieldRefusal, Vendor


def accept_loss(resolved: ResolvedWrite, draft: Draft[Any]) -> tuple[Loss, ...]:
    """Return the loss of the write. Raises InvalidField for an invalid value, and UnsupportedField for what the caller
    does not accept to lose (`?loss=`)."""
    title, intent = resolved.connection.vendor.title, resolved.intent
    invalid = tuple(_error(refusal) for refusal in draft.refused if refusal.kind == "invalid")
    if invalid:
        raise InvalidField(f"{title} cannot store this: {summary(invalid)}", errors=invalid)
    errors = [_error(refusal) for refusal in barring(resolved, draft.refused)]
    if intent.loss == "none":
        errors += [FieldError(pointer=one.path, detail=one.detail) for one in draft.loss]
    elif intent.loss == "descriptive":
        cut = [one for one in draft.loss if one.kind in ("dropped", "truncated")]
        if cut:
            is_vital = _essential(resolved)
            errors += [FieldError(pointer=one.path, detail=one.detail) for one in cut if is_vital(one.path)]
    if errors:
        raise UnsupportedField(f"{title} has no place for this: {summary(errors)}", errors=tuple(errors))
    return draft.loss + dropped(draft.refused)


def barring(resolved: ResolvedWrite, refused: tuple[FieldRefusal, ...]) -> tuple[FieldRefusal, ...]:
    """Return the refusals that the caller does not accept to lose."""
    if resolved.intent.loss == "none":
        return refused
    if resolved.intent.loss == "any":
        return tuple(one for one in refused if one.kind == "invalid")
    if not refused:
        return ()
    is_vital = _essential(resolved)
    return tuple(one for one in refused if one.kind == "invalid" or is_vital(one.pointer))


def _essential(resolved: ResolvedWrite) -> Callable[[str], bool]:
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
    return lambda pointer: is_essential(patch, pointer, traits, intent.upsert_on)


def dropped(refused: tuple[FieldRefusal, ...]) -> tuple[Loss, ...]:
    """Return refused fields as losses."""
    return tuple(Loss(path=refusal.pointer, kind="dropped", detail=refusal.detail) for refusal in refused)


def _error(refusal: FieldRefusal) -> FieldError:
    return FieldError(pointer=refusal.pointer, detail=refusal.detail)
