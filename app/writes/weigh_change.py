"""Compare the fields that a write changes with the record, as the verdict on their ownership needs it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET

from app.errors import InvalidField, NotFound
from app.http.decode_body import decode_sent
from app.ownership.verdict import Change, speaks_for_owner
from app.records.fetch import fetch_record
from app.records.resolve import choose_mapping
from app.revisions.large_records import run_mapping
from app.writes.patch_of import patch_of
from app.writes.present_record import PresentRecord
from app.writes.resolved_write import ResolvedWrite
from canonical.field_kinds import ComparedField, kinds_of
from canonical.parts import FieldOwnership
from canonical.same_value import is_empty, same
from mappings.spec import Mapped

REACHED = {"archive": "archived", "cancel": "cancelled"}
"""The status that an action leads to."""


async def weigh_changes(
    resolved: ResolvedWrite, policies: Mapping[str, FieldOwnership], record: PresentRecord
) -> dict[str, Change]:
    """Return the change of each field. Raises VendorDrifted, and the problems of reading the owner's record."""
    held = await record.mapped()
    sent = await _sent_values(resolved, policies, held)
    owners: dict[str, Mapping[str, Any] | None] = {}
    changes = {}
    for name, policy in policies.items():
        value, present, field = sent[name], getattr(held.data, name, None), _field(resolved, name)
        differs = value is not UNSET and not same(present, value, field)
        if differs and resolved.intent.action in ("update", "upsert"):
            differs = await _differs_at_vendor(resolved, name, value, present, record)
        contradicts = differs and policy.among_writers == "owner_wins" and not _speaks(resolved, policy)
        changes[name] = Change(
            by=resolved.by,
            target=resolved.connection.name,
            differs=differs,
            replaces=not is_empty(present, field),
            is_older=_is_older(resolved.intent.written_at, held.remote.updated_at),
            contradicts_owner=contradicts
            and await _contradicts_owner(resolved, policy, name, value, present, held.remote.id, owners),
        )
    return changes


async def _sent_values(
    resolved: ResolvedWrite, policies: Mapping[str, FieldOwnership], held: Mapped[Any]
) -> dict[str, Any]:
    """Return the value of each field that the record would get; UNSET for none."""
    intent = resolved.intent
    if intent.action in REACHED:
        reached = {"status": REACHED[intent.action], "payment_status": "refunded"}
        return {name: reached[name] for name in policies}
    patch, _ = patch_of(resolved.with_only(frozenset(policies)), held)
    return {name: getattr(patch, name, UNSET) for name in policies}


async def _differs_at_vendor(
    resolved: ResolvedWrite, name: str, value: Any, present: Any, record: PresentRecord
) -> bool:
    """Return whether the vendor would store another value: both are drafted by the target's mapping and compared."""
    mapping, account = resolved.mapping, record.account
    try:
        unchanged = decode_sent(msgspec.json.encode({name: present}), mapping.patch).patch
    except InvalidField:
        return True  # the vendor holds what nobody may send
    patches = (mapping.patch(**{name: value}), unchanged)
    drafts = [
        await run_mapping(mapping, record.raw, account, partial(mapping.to_vendor, patch, record.decoded, account))
        for patch in patches
    ]
    return bool(drafts[0].refused) or bool(drafts[0].body != drafts[1].body)


def _field(resolved: ResolvedWrite, name: str) -> ComparedField:
    return kinds_of(resolved.mapping.object).get(name, ComparedField())


def _speaks(resolved: ResolvedWrite, policy: FieldOwnership) -> bool:
    return speaks_for_owner(policy, resolved.by, resolved.connection.name)


def _is_older(written_at: datetime | None, updated_at: datetime | None) -> bool:
    return written_at is not None and updated_at is not None and written_at < updated_at


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
    held = (owners[owner] or {}).get(name)
    field = _field(resolved, name)
    return not is_empty(held, field) and not same(held, value, field)


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
    seen = await deps.states.get(object_name, owner, linked.remote_id)
    if seen is not None and freshness is not None and (datetime.now(UTC) - seen.read_at).total_seconds() <= freshness:
        return None if seen.deleted else msgspec.json.decode(seen.data, type=dict[str, Any])
    mapping = choose_mapping(deps, connection, object_name)
    try:
        reading = await fetch_record(deps, connection, mapping, linked.remote_id, resolved.deadline)
    except NotFound:
        return None
    fields: dict[str, Any] = msgspec.to_builtins(reading.mapped.data)
    return fields
