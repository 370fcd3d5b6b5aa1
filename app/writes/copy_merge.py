"""Merge a copy into its target: what the source has changed since the last copy, and what the target keeps."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

from app.errors import InvalidField, VersionConflict
from app.http.decode_body import decode_sent
from app.problem_document import FieldError
from app.writes.copy_models import CopyConflict, CopyOf, CopyPlan, CopyResult
from app.writes.resolved_write import ResolvedWrite
from app.writes.store.copy_bases import KnownBase
from canonical.copy_base import FieldState, is_as_left, is_unchanged, with_reported
from canonical.order_body import completed
from canonical.order_patch import OrderPatch
from canonical.parts import Link, Loss, Skipped
from canonical.references import PEOPLE
from canonical.renewed_base import Copied, renewed
from canonical.three_way import EMAILS, Rules, Side, merge
from canonical.values import email_key
from mappings.kit.names import PARTS, full_name
from mappings.kit.people import primary
from mappings.manifest import Vendor
from mappings.spec import Mapped

DISPLAY: Final = "display_name"
STATES: Final = frozenset({"status", "payment_status", "fulfillment_status"})
"""The states of a record. One that its target cannot follow does not hold up the other changes of a later copy."""
FIXED: Final = frozenset({*PEOPLE, "description", "description_html"})
"""Essential fields that some vendors store with a new record and never change. One that stays is no reason for a caller
to refuse the other changes: there is nothing to do about it first. Each copy of a caller names it while it differs."""
STALE: Final = (
    "{source} has cleared a value that {target} keeps, because a copy clears only what a copy wrote and no one has"
    " changed since, and never a name, a login or a consent: clear it there"
)
LOGIN: Final = "{target} keeps its primary address, which is the login there"
REPLACED: Final = "{target} had another value, which is replaced: no earlier copy shows which of the two is newer"


class ConsumerPaused(Exception):
    """The consumer would remove more values than it may within an hour, so its copies wait for an operator."""


class CopyMerge(Struct, frozen=True, kw_only=True):
    """A copy to a record that exists: what is known of the two, the whole `patch`, and what the source has `changed`,
    also to nothing. `write` has that and what the source owns, by `names`."""

    copied: CopyOf
    known: KnownBase
    patch: Any
    write: ResolvedWrite
    names: tuple[str, ...]
    changed: frozenset[str]


class MergedCopy(Struct, frozen=True, kw_only=True):
    """The `write` of a copy after the merge, its plan, and the fields that the target keeps because it owns them."""

    write: ResolvedWrite
    plan: CopyPlan
    skipped: tuple[Skipped, ...]
    removed: int


async def begin_merge(resolved: ResolvedWrite, copied: CopyOf, remote_id: str) -> CopyMerge:
    """Look up the base, under the lock of the copy. Raises VersionConflict if another copy of the two records has ended
    since the source was read: what was read may be older than what that copy has written."""
    known = await resolved.deps.bases.get(resolved.intent.object, source_of(copied), target_of(resolved, remote_id))
    before = resolved.intent.base if resolved.base is UNSET else version_of(resolved.base)
    if before is not None and known.version != before:
        raise VersionConflict(
            "Another copy of the two records has ended since this one was read.", next_step="Copy the record again."
        )
    return merge_of(resolved, copied, known)


def version_of(base: KnownBase | None) -> str:
    """Return the version of what was known of a base, empty without one."""
    return "" if base is None else base.version


def merge_of(resolved: ResolvedWrite, copied: CopyOf, known: KnownBase) -> CopyMerge:
    """Leave out what the source has not changed, before the target is asked for anything."""
    patch = resolved.patch
    if copied.consumer is not None:
        known = replace(known, base=with_reported(known.base))
    owners, names = _owners(resolved, copied), _names(copied, patch)
    changed = frozenset(
        name for name in names if not is_unchanged(known.base, _states(known, patch, [name]), copied.missing)
    )
    names = tuple(name for name in names if name in changed or owners.get(name) == "source")
    write = replace(resolved.with_only(frozenset(names)), whole=resolved.intent.body)
    return CopyMerge(copied=copied, known=known, patch=patch, write=write, names=names, changed=changed)


async def has_nothing_new(resolved: ResolvedWrite, present: Any = None) -> bool:
    """Return whether a copy would change nothing: neither the source has changed since the last one, nor, as far as it
    was seen, what the source owns at the target. `present` is the target, if it was seen later than its state."""
    copied, remote_id, known = resolved.intent.copy_of, resolved.intent.remote_id, resolved.base
    if copied is None or remote_id is None or not isinstance(known, KnownBase):
        return False
    merging = merge_of(resolved, copied, known)
    known, patch = merging.known, merging.patch
    if not is_unchanged(known.base, _states(known, patch, merging.names), copied.missing):
        return False
    if not merging.names:
        return True
    if present is None:
        state = await resolved.deps.states.get(resolved.intent.object, resolved.connection.name, remote_id)
        if state is None or state.deleted:
            return False
        present = msgspec.json.decode(state.data)
    present = _as_sent(resolved, present)
    return is_as_left(known.base, _states(known, present, merging.names))


def merged_copy(merging: CopyMerge, resolved: ResolvedWrite, mapped: Mapped[Any]) -> MergedCopy:
    """Merge into the target as it is. `resolved` is the write of the merge with its references."""
    copied, known, present = merging.copied, merging.known, _as_sent(resolved, mapped.data, mapped.loss)
    rules = Rules(
        owners=_owners(resolved, copied),
        missing=copied.missing,
        keeps_login=is_login(resolved) and not copied.follows_logins,
        keeps_emails=resolved.intent.upsert_on == "email",
        slots=resolved.mapping.slots,
    )
    patch, names = merging.patch, merging.names
    if DISPLAY in known.base and _is_composed(patch, present):
        names = tuple(name for name in names if name != DISPLAY)
    names = _without_split(names, merging, present, rules)
    merged = merge(patch, names, present, known.base, rules, known.digests)
    write, owner = resolved.with_merged(msgspec.json.encode(merged.patch)), resolved.connection.name
    stale = STALE.format(source=copied.connection, target=owner)
    reason = f"both sides have changed it, and {owner} owns it"
    return MergedCopy(
        write=write,
        plan=CopyPlan(
            body=write.intent.body,
            base=known.version,
            before=_states(known, present, copied.names),
            conflicts=merged.conflicts,
            lost=(
                *(Loss(path=f"/{name}", kind="dropped", detail=stale) for name in merged.stale),
                *(
                    Loss(path=f"/{name}", kind="ambiguous", detail=REPLACED.format(target=owner))
                    for name in (merged.replaced if resolved.intent.object != "order" else ())
                ),
                *(_kept_login(patch, merged.patch, owner) if rules.keeps_login else ()),
            ),
        ),
        skipped=tuple(Skipped(pointer=f"/{name}", owner=owner, reason=reason) for name in merged.kept),
        removed=merged.removed,
    )


def _kept_login(patch: Any, merged: Any, target: str) -> Iterator[Loss]:
    """Yield that the address which is the login at the target stays the primary one there."""
    sent, written = patch.emails, merged.emails
    if not sent or not written:
        return
    place = primary(sent)
    if email_key(sent[place].address) != email_key(written[primary(written)].address):
        yield Loss(path=f"/{EMAILS}/{place}/is_primary", kind="coerced", detail=LOGIN.format(target=target))


def without_emails(merged: MergedCopy) -> MergedCopy:
    """Return a merge that leaves the e-mail addresses as they are, because the target has no place for the new one."""
    left = _without(merged, {EMAILS})
    plan, owner = left.plan, left.write.connection.name
    conflicts = tuple(dict.fromkeys((*plan.conflicts, EMAILS)))
    stays = Loss(path=f"/{EMAILS}", kind="dropped", detail=f"{LOGIN.format(target=owner)} and has no second place")
    lost = tuple(one for one in plan.lost if one.path.split("/")[1] != EMAILS)
    return replace(left, plan=replace(plan, conflicts=conflicts, lost=(*lost, stays)))


def without_refused(merging: CopyMerge, merged: MergedCopy, errors: Collection[FieldError]) -> MergedCopy | None:
    """Return a merge without what the target refuses: a field that cannot be cleared or made false there, a login that
    it does not replace, what is fixed in a record that was linked before, and a state that was copied before, for a
    consumer or a caller who accepts any loss. The other changes of the record must not wait for that. None if it
    refuses anything else, or if the caller accepts no loss."""
    intent = merged.write.intent
    leaves_states = merging.copied.consumer is not None or intent.loss == "any"
    body = msgspec.json.decode(merged.plan.body)
    refused = {str(error.pointer).split("/")[1]: error.detail for error in errors if error.pointer}
    cleared = {name for name in refused if name in body and not body[name]}
    kept = FIXED.intersection(refused, body)
    if intent.action != "update":  # a record that an upsert has found
        kept &= merging.known.base.keys()
    if leaves_states:
        kept |= STATES.intersection(refused, body, merging.known.base)
    emails = [one for one in errors if str(one.pointer).split("/")[1:2] == [EMAILS]]
    keeps_login = EMAILS in body and is_login(merged.write) and all(is_email(one.pointer) for one in emails)
    left = cleared | kept
    if not refused or intent.loss == "none" or not refused.keys() <= left | ({EMAILS} if keeps_login else set()):
        return None
    why = {name: "it stays" if name in kept or body[name] is False else "it is not cleared" for name in left}
    lost = tuple(Loss(path=f"/{name}", kind="dropped", detail=f"{why[name]}: {refused[name]}") for name in sorted(left))
    unfollowed = min((f"/{name}" for name in kept), default=merged.plan.unfollowed)
    plan = replace(merged.plan, lost=merged.plan.lost + lost, unfollowed=unfollowed)
    remaining = _without(replace(merged, plan=plan), left)
    return without_emails(remaining) if refused.keys() - left else remaining


def _without(merged: MergedCopy, names: Collection[str]) -> MergedCopy:
    body = msgspec.json.decode(merged.plan.body, type=dict[str, msgspec.Raw])
    write = merged.write.with_only(frozenset(body).difference(names))
    plan = replace(merged.plan, body=write.intent.body)
    return replace(merged, write=write, plan=plan)


def is_login(resolved: ResolvedWrite) -> bool:
    """Return whether the e-mail address of a record is a login at the vendor."""
    vendor = resolved.connection.vendor
    return isinstance(vendor, Vendor) and resolved.intent.object in vendor.logins


def lost_email(loss: Collection[Loss]) -> bool:
    """Return whether an e-mail address has no place, and not only a detail of it."""
    return any(one.kind == "dropped" and is_email(one.path) for one in loss)


def is_email(pointer: object) -> bool:
    """Return whether a pointer names an e-mail address: `/emails`, `/emails/1` or `/emails/1/address`."""
    name, *inner = str(pointer).removeprefix("/").split("/")
    return name == EMAILS and inner[1:] in ([], ["address"])


async def lost_by(resolved: ResolvedWrite, copied: CopyOf, mapped: Mapped[Any]) -> tuple[Loss, ...]:
    """Return what a copy loses beyond its write. A value that the target, as it was read back, still has was not
    replaced."""
    replaced = [one.path.removeprefix("/") for one in copied.lost if one.kind == "ambiguous"]
    if not replaced or copied.plan is None or copied.plan.before is None:
        return copied.lost
    known = await resolved.deps.bases.get(
        resolved.intent.object, source_of(copied), target_of(resolved, mapped.remote.id)
    )
    after = _states(known, mapped.data, replaced)
    stays = {f"/{name}" for name in replaced if after[name] == copied.plan.before.get(name)}
    return tuple(one for one in copied.lost if one.kind != "ambiguous" or one.path not in stays)


async def result_of(
    resolved: ResolvedWrite, mapped: Mapped[Any], *, is_new: bool, operation: str, loss: Collection[Loss] = ()
) -> CopyResult | None:
    """Return what a copy leaves: `mapped` is the target as it was read back, `loss` that of the write. None for another
    write. A state that the target derives from another one is no change there."""
    copied, remote_id = resolved.intent.copy_of, mapped.remote.id
    if copied is None or copied.plan is None:
        return None
    data = _as_sent(resolved, mapped.data, mapped.loss)
    source, target = source_of(copied), target_of(resolved, remote_id)
    known = await resolved.deps.bases.get(resolved.intent.object, source, target)
    patch = resolved.as_whole.patch
    before = {} if is_new else copied.plan.before
    lost = {one.path.removeprefix("/") for one in (*loss, *copied.lost) if one.kind == "dropped"}
    left, reports = FIXED.intersection(lost), copied.consumer is not None
    derived = STATES.intersection(one.path.removeprefix("/") for one in loss if one.kind == "defaulted")
    made = Copied(
        names=tuple(name for name in _names(copied, patch) if name not in left or name in known.base or reports),
        sent=patch,
        after=data,
        before=_states(known, data, copied.names) if before is None else before,
        written=msgspec.json.decode(copied.plan.body, type=resolved.mapping.patch),
        composed=derived | {DISPLAY} if _is_composed(patch, data) else derived,
        missing=copied.missing,
        left=left,
        reports=reports,
    )
    if known.version != copied.plan.base:  # another copy has ended meanwhile, and knows the other fields better
        made = replace(made, names=tuple(filter(made.is_written, made.names)))
    base, opposite = renewed(known.base, known.opposite, made, known.digests)
    return CopyResult(
        object=resolved.intent.object,
        source=source,
        target=target,
        base=base,
        opposite=opposite,
        conflict=_conflict(resolved, copied, copied.plan, target, operation),
    )


def _as_sent(resolved: ResolvedWrite, record: Any, loss: Collection[Loss] = ()) -> Any:
    """Return a record with the fields as its own copies send them: an order with its whole sum in its lists, so that
    the bases of both directions have one form."""
    if resolved.intent.object != "order":
        return record
    counts = any(one.path == "/totals/total" and one.kind == "ambiguous" for one in loss)
    try:
        sent = decode_sent(msgspec.json.encode(record), OrderPatch)
        return completed(sent.patch, sent.totals, total_counts=counts).patch
    except (InvalidField, ValueError):  # it cannot be copied
        return record


def is_mixed(resolved: ResolvedWrite, changed: Collection[str], written: Collection[str]) -> bool:
    """Return whether, of what changed at the target of a copy, the copy has not written something that can be copied.
    The display name follows from the other names."""
    composed = {DISPLAY} if {"first_name", "last_name"} & {*written} else set()
    return not {*changed} & {*resolved.mapping.patch.__struct_encode_fields__} <= {*written, *composed}


def source_of(copied: CopyOf) -> Link:
    """Return the record that is copied."""
    return Link(connection=copied.connection, remote_id=copied.remote_id)


def target_of(resolved: ResolvedWrite, remote_id: str) -> Link:
    """Return the record that it is copied to."""
    return Link(connection=resolved.connection.name, remote_id=remote_id)


def _conflict(
    resolved: ResolvedWrite, copied: CopyOf, plan: CopyPlan, target: Link, operation: str
) -> CopyConflict | None:
    if not plan.conflicts:
        return None
    return CopyConflict(
        id=copied.canonical_id,
        object=resolved.intent.object,
        connection=target.connection,
        remote_id=target.remote_id,
        source=source_of(copied),
        fields=plan.conflicts,
        operation_id=operation,
    )


def _owners(resolved: ResolvedWrite, copied: CopyOf) -> Mapping[str, Side]:
    """Return which side owns each field, as far as one of the two does."""
    sides: dict[str, Side] = {copied.connection: "source", resolved.connection.name: "target"}
    ownership = resolved.deps.ownership.get(resolved.intent.object)
    policies = {} if ownership is None else ownership.fields
    return {
        name: side
        for name in copied.names
        if name in policies and (side := sides.get(policies[name].owner or "")) is not None
    }


def _names(copied: CopyOf, patch: Any) -> tuple[str, ...]:
    """Return the names of the fields that are copied: of a text that is sent in one form, that form."""
    other = {"description": "description_html", "description_html": "description"}
    sent = {name for name in other if isinstance(getattr(patch, name, UNSET), str)}
    return tuple(name for name in copied.names if name not in other or name in sent or other[name] not in sent)


def _is_composed(patch: Any, present: Any) -> bool:
    """Return whether the display name only says the other names again, which the target has as well. It does not if the
    only name of the one is the first name, and that of the other the last name."""
    names = [getattr(patch, name, UNSET) for name in ("first_name", "last_name", DISPLAY)]
    first, last, display = (" ".join(one.split()) if isinstance(one, str) else "" for one in names)
    if not display or f"{first} {last}".strip() != display:
        return False
    if present.first_name and present.last_name:
        return True
    return bool((present.first_name and first) or (present.last_name and last))


def _without_split(names: tuple[str, ...], merging: CopyMerge, present: Any, rules: Rules) -> tuple[str, ...]:
    """Return the fields to merge without first and last name, if the target splits the same name in another way and no
    copy between the two, nor an owner, says that the source's way counts: a vendor with one name splits it anew."""
    if not {*PARTS} <= {*names} or not all(getattr(present, part) for part in PARTS):
        return names
    if any(part in merging.known.base or part in rules.owners for part in PARTS):
        return names
    if full_name(merging.patch.first_name, merging.patch.last_name) != full_name(present.first_name, present.last_name):
        return names
    return tuple(name for name in names if name not in PARTS)


def _states(known: KnownBase, record: Any, names: Collection[str]) -> dict[str, FieldState]:
    values = record if isinstance(record, Mapping) else {name: getattr(record, name, None) for name in names}
    return {name: known.digests.state(name, values.get(name)) for name in names if name in known.digests.fields}
