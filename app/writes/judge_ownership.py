"""Judge a write by the ownership of the fields that it changes: weigh each change against the record, and rule on it.

Without a policy for a field that was sent, nothing here reads anything.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET, Struct

from app.audit import record
from app.errors import InvalidField, NotFound, NotSystemOfRecord
from app.http.decode_body import decode_sent
from app.http.plurals import PLURAL
from app.ownership.verdict import Change, Ruling, may_write, rule, speaks_for_owner
from app.problem_document import FieldError, summary
from app.records.fetch import fetch_record
from app.records.resolve import choose_mapping
from app.revisions.large_records import run_mapping
from app.writes.deps import WriteDeps
from app.writes.draft import patch_of
from app.writes.models import Intent
from app.writes.operation_view import changed_fields
from app.writes.resolved_write import PresentRecord, ResolvedWrite
from canonical.field_kinds import ComparedField, kinds_of
from canonical.parts import FieldOwnership, Skipped
from canonical.same_value import is_empty, same
from mappings.spec import Mapped

REACHED = {"archive": "archived", "cancel": "cancelled"}
"""The status that an action leads to."""


class Judged(Struct, frozen=True, kw_only=True):
    """What is left of a write: `write` is without the fields that stay as they are, which `left_out` names. `skipped`
    says why, for those that would have changed. `is_empty`: nothing is left to send."""

    write: ResolvedWrite
    left_out: frozenset[str]
    skipped: tuple[Skipped, ...]
    is_empty: bool


async def judge_new(resolved: ResolvedWrite) -> Judged | None:
    """Judge a new record, which is a change itself, and its fields, where every value is one. None if all are written.

    Raises NotSystemOfRecord if the record or a field is refused, or if it would be without its upsert key or without
    fields.
    """
    _judge_creation(resolved)
    policies = resolved.owned
    if not policies:
        return None
    change = Change(by=resolved.by, target=resolved.connection.name)
    judged = _judged(resolved, policies, dict.fromkeys(policies, change))
    key = "emails" if resolved.intent.upsert_on == "email" else resolved.intent.upsert_on
    if judged is None or not (judged.is_empty or key in judged.left_out):
        return judged
    if resolved.resends:
        return None
    raise _refusal(judged.skipped)


def _judge_creation(resolved: ResolvedWrite) -> None:
    """Raise NotSystemOfRecord if the writer may not create such records. Where the fields of others are skipped, the
    fields decide, if there are any."""
    policy = resolved.forbids_new
    if policy is None or resolved.resends or (policy.anyone_else == "skip" and changed_fields(resolved.intent)):
        return
    ruling = rule(PLURAL[resolved.intent.object], policy, Change(by=resolved.by, target=resolved.connection.name))
    raise _refusal((_skip("", policy, ruling),), review=ruling.verdict == "review")


async def judge_change(resolved: ResolvedWrite, present: PresentRecord) -> Judged | None:
    """Judge the fields that a write changes of its record. None if all are written.

    Raises NotSystemOfRecord if a field is refused, VendorDrifted if the record cannot be read, and the problems of
    reading the owner's record.
    """
    policies = resolved.owned
    if not policies:
        return None
    return _judged(resolved, policies, await weigh_changes(resolved, policies, present))


def skip_of(resolved: ResolvedWrite, name: str) -> Skipped | None:
    """Return why a field stays as it is, independently of the record; None if it may be written or is refused."""
    policy = resolved.owned.get(name)
    if policy is None:
        return None
    ruling = rule(name, policy, Change(by=resolved.by, target=resolved.connection.name))
    return _skip(name, policy, ruling) if ruling.verdict == "skipped" else None


async def note_verdict(
    deps: WriteDeps, verdict: str, intent: Intent, *, operation: str, actor: str, run: str, pointers: tuple[Any, ...]
) -> None:
    """Audit who was kept from changing which fields. Names only, no values."""
    facts = {
        "object": intent.object,
        "connection": intent.connection,
        "remote_id": intent.remote_id or intent.parent,
        "writer": intent.writer,
        "fields": [str(pointer).removeprefix("/") for pointer in pointers],
    }
    entry = record.Entry(type=f"ownership.{verdict}", subject=operation, actor=actor, correlation_id=run, facts=facts)
    async with deps.database.transaction() as transaction:
        await record.append(transaction, entry)


async def note_refusal(deps: WriteDeps, problem: NotSystemOfRecord, intent: Intent, **facts: Any) -> None:
    """Audit a refused write, or one that waits for review."""
    pointers = tuple(error.pointer for error in problem.errors)
    await note_verdict(deps, "review" if problem.review else "refused", intent, pointers=pointers, **facts)


def _judged(
    resolved: ResolvedWrite, policies: Mapping[str, FieldOwnership], changes: Mapping[str, Change]
) -> Judged | None:
    by, target = resolved.by, resolved.connection.name
    rulings = {name: rule(name, policy, changes[name]) for name, policy in policies.items()}
    refused = {name: one for name, one in rulings.items() if one.verdict in ("refused", "review")}
    if resolved.resends:
        refused = {}
    skipped = tuple(
        _skip(name, policies[name], one)
        for name, one in rulings.items()
        if one.verdict != "written" and name not in refused
    )
    if refused:
        review = all(one.verdict == "review" for one in refused.values())
        raise _refusal(tuple(_skip(name, policies[name], one) for name, one in refused.items()), skipped, review=review)
    # An equal value is not sent for those who may not write the field: what reads the same may be stored otherwise.
    left_out = {one.pointer.removeprefix("/") for one in skipped}
    left_out |= {name for name in policies if not changes[name].differs and not may_write(policies[name], by, target)}
    if not left_out:
        return None
    kept = frozenset(changed_fields(resolved.intent)) - left_out
    is_whole = resolved.intent.edits_tags or resolved.intent.action in ("cancel", "archive", "comment")
    return Judged(
        write=resolved if is_whole else resolved.with_only(kept),
        left_out=frozenset(left_out),
        skipped=skipped,
        is_empty=is_whole or not kept,
    )


def _skip(name: str, policy: FieldOwnership, ruling: Ruling) -> Skipped:
    return Skipped(pointer=f"/{name}" if name else "", owner=policy.owner or "", reason=ruling.reason)


def _refusal(
    refused: tuple[Skipped, ...], skipped: tuple[Skipped, ...] = (), *, review: bool = False
) -> NotSystemOfRecord:
    errors = tuple(FieldError(pointer=one.pointer, detail=one.reason) for one in refused)
    then = "An operator reviews the write." if review else "Nothing was changed."
    return NotSystemOfRecord(f"{summary(errors)}. {then}", errors=errors, skipped=skipped, review=review)


async def weigh_changes(
    resolved: ResolvedWrite, policies: Mapping[str, FieldOwnership], record: PresentRecord
) -> dict[str, Change]:
    """Return the change of each field. Raises VendorDrifted, and the problems of reading the owner's record."""
    before = await record.mapped()
    sent = await _sent_values(resolved, policies, before)
    owners: dict[str, Mapping[str, Any] | None] = {}
    changes, written_at, updated_at = {}, resolved.intent.written_at, before.remote.updated_at
    for name, policy in policies.items():
        value, present, field = sent[name], getattr(before.data, name, None), _field(resolved, name)
        differs = value is not UNSET and not same(present, value, field)
        if differs and resolved.intent.action in ("update", "upsert"):
            differs = await _differs_at_vendor(resolved, name, value, present, record)
        speaks = speaks_for_owner(policy, resolved.by, resolved.connection.name)
        contradicts = differs and policy.among_writers == "owner_wins" and not speaks
        changes[name] = Change(
            by=resolved.by,
            target=resolved.connection.name,
            differs=differs,
            replaces=not is_empty(present, field),
            is_older=written_at is not None and updated_at is not None and written_at < updated_at,
            contradicts_owner=contradicts
            and await _contradicts_owner(resolved, policy, name, value, present, before.remote.id, owners),
        )
    return changes


async def _sent_values(
    resolved: ResolvedWrite, policies: Mapping[str, FieldOwnership], before: Mapped[Any]
) -> dict[str, Any]:
    """Return the value of each field that the record would get; UNSET for none."""
    intent = resolved.intent
    if intent.action in REACHED:
        reached = {"status": REACHED[intent.action], "payment_status": "refunded"}
        return {name: reached[name] for name in policies}
    patch, _ = patch_of(resolved.with_only(frozenset(policies)), before)
    return {name: getattr(patch, name, UNSET) for name in policies}


async def _differs_at_vendor(
    resolved: ResolvedWrite, name: str, value: Any, present: Any, record: PresentRecord
) -> bool:
    """Return whether the vendor would store another value: both are drafted by the target's mapping and compared."""
    mapping, account = resolved.mapping, record.account
    try:
        unchanged = decode_sent(msgspec.json.encode({name: present}), mapping.patch).patch
    except InvalidField:
        return True  # the vendor holds what no one may send
    patches = (mapping.patch(**{name: value}), unchanged)
    drafts = [
        await run_mapping(mapping, record.raw, account, partial(mapping.to_vendor, patch, record.decoded, account))
        for patch in patches
    ]
    return bool(drafts[0].refused) or bool(drafts[0].body != drafts[1].body)


def _field(resolved: ResolvedWrite, name: str) -> ComparedField:
    return kinds_of(resolved.mapping.object).get(name, ComparedField())


async def _contradicts_owner(
    resolved: ResolvedWrite,
    policy: FieldOwnership,
    name: str,
    value: Any,
    present: Any,
    remote_id: str,
    owners: dict[str, Mapping[str, Any] | None],
) -> bool:
    """Return whether the owner's record of the same customer, order or ticket holds another value."""
    owner = policy.owner or ""
    if owner == resolved.connection.name:
        return not is_empty(present, _field(resolved, name))
    if owner not in owners:
        owners[owner] = await _owners_record(resolved, owner, policy.freshness_seconds, remote_id)
    owners_value = (owners[owner] or {}).get(name)
    field = _field(resolved, name)
    return not is_empty(owners_value, field) and not same(owners_value, value, field)


async def _owners_record(
    resolved: ResolvedWrite, owner: str, freshness: int | None, remote_id: str
) -> Mapping[str, Any] | None:
    """Return the fields of the owner's record: as last seen if fresh enough, else read now. None without one."""
    deps, intent, object_name = resolved.deps, resolved.intent, resolved.mapping.object
    connection = deps.connections.by_name.get(owner)
    # A copy is not linked yet, but it will be.
    canonical_id = intent.canonical_id if intent.copy_of is None else intent.copy_of.canonical_id
    if connection is None or object_name == "comment":
        return None
    if canonical_id is None:
        canonical_id = (await deps.links.ensure(object_name, intent.connection, [remote_id]))[remote_id]
    linked = next((one for one in await deps.links.find(canonical_id) if one.connection == owner), None)
    if linked is None:
        return None
    state = await deps.states.get(object_name, owner, linked.remote_id)
    if state is not None and freshness is not None and (datetime.now(UTC) - state.read_at).total_seconds() <= freshness:
        return None if state.deleted else msgspec.json.decode(state.data, type=dict[str, Any])
    mapping = choose_mapping(deps, connection, object_name)
    try:
        reading = await fetch_record(deps, connection, mapping, linked.remote_id, resolved.deadline)
    except NotFound:
        return None
    fields: dict[str, Any] = msgspec.to_builtins(reading.mapped.data)
    return fields
