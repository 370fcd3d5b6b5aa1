"""Judge a write by the ownership of the fields that it changes, against the record as it is.

Without a policy for a field that was sent, nothing here reads anything.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from app.audit import record
from app.errors import NotSystemOfRecord
from app.http.plurals import PLURAL
from app.ownership.verdict import Change, Ruling, may_write, rule
from app.problem_document import FieldError, summary
from app.writes.deps import WriteDeps
from app.writes.models import Intent
from app.writes.present_record import PresentRecord
from app.writes.resolved_write import ResolvedWrite, changed_fields
from app.writes.weigh_change import weigh_changes
from canonical.parts import FieldOwnership, Skipped


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
    if judged is None or not (judged.is_empty or _key_field(resolved.intent) in judged.left_out):
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
    """Return why a field stays as it is, whatever the record holds; None if it may be written or is refused."""
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
        await record.append_all(transaction, [entry])


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


def _key_field(intent: Intent) -> str | None:
    return "emails" if intent.upsert_on == "email" else intent.upsert_on
