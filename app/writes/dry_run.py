"""Dry runs: judge and draft a write, and show the verdict and the request instead of sending it.

Nothing is recorded and no key is used up. A caller may name the revision to draft with.
"""

import time
from typing import Any, Final, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.errors import InvalidField, NotSystemOfRecord, UnsupportedField
from app.problem_document import Problem, ProblemDocument, document_of
from app.writes.accept_loss import undecided
from app.writes.answer import NO_MATCH
from app.writes.create_person import judge_person
from app.writes.deps import WriteDeps
from app.writes.operation_view import changed_fields
from app.writes.prepare import NothingToCopyTo, PreparedWrite, RecordFound, prepare
from app.writes.request import WriteRequest
from app.writes.resolved_write import ResolvedWrite, resolve_request
from app.writes.withhold import PLAIN, withheld_loss, withhold_problem
from canonical.parts import Loss, MappingName, ObjectName
from mappings.endpoints import Action
from mappings.http import VendorRequest

DRY_RUN_LIMIT: Final = 25.0
"""Seconds that all reads before the draft may take, unless the caller says."""
REFUSALS: Final = (InvalidField, UnsupportedField, NotSystemOfRecord)
"""The problems that refuse single fields."""
MARKER: Final = "op_of_a_dry_run"

EXISTS: Final = "the record exists, and on_existing=ignore leaves it as it is"


class WouldSend(Struct, frozen=True, kw_only=True):
    """One request that changes something, without credentials. `body` is JSON if it can be decoded, else text; null for
    a key without the read scope of the object, because it may hold stored values."""

    method: str
    """The HTTP method. Example: `"PATCH"`"""
    path: str
    """Path and query at the vendor. Example: `"/crm/v3/objects/contacts/1051"`"""
    body: Any
    """The body; as JSON if it is JSON. Example: `{"properties": {"jobtitle": "Potter"}}`"""


class FieldVerdict(Struct, frozen=True, kw_only=True):
    """What would happen to one field of the write."""

    pointer: str
    """JSON Pointer (RFC 6901) to the field; empty for the whole record. Example: `"/emails"`"""
    verdict: Literal["written", "skipped", "refused", "lost"]
    """Written; skipped, because another system owns it, a copy finds no record or an existing one stays; refused,
    and with it the whole write; lost, because the vendor cannot store it. Example: `"written"`"""
    reason: str | UnsetType = UNSET
    """Why it is not written. Example: `"key:n8n is not a writer of emails, which hubspot owns"`"""
    owner: str | UnsetType = UNSET
    """The connection that owns a skipped field. Example: `"hubspot"`"""


class DraftedWrite(Struct, frozen=True, kw_only=True):
    """The write that would be sent. `action` is the resulting verb, such as update for an upsert."""

    dry_run: bool = True
    """Always true: nothing was sent. Example: `true`"""
    connection: str
    """The connection. Example: `"hubspot"`"""
    mapping: MappingName
    """The revision that drafted the request."""
    action: Action
    """The resulting verb. Example: `"update"`"""
    remote_id: str | None
    """The record that would change; null for a new record. Example: `"1051"`"""
    fields: tuple[FieldVerdict, ...]
    """The verdict on each field."""
    request: WouldSend | None
    """The request that would be sent; null if nothing would be."""
    loss: tuple[Loss, ...]
    """The loss that it would cause. What the vendor sets by itself in a new record shows only afterwards."""
    ignored: tuple[str, ...]
    """The output-only members of the body, which are ignored. Example: `["/meta"]`"""
    parts: WouldSend | UnsetType = UNSET
    """The request before it that creates records which it then names, such as line items; absent if there are none."""
    problem: ProblemDocument | UnsetType = UNSET
    """What the write would be refused with; absent if no field is refused."""


async def dry_run(deps: WriteDeps, request: WriteRequest) -> DraftedWrite:
    """Judge and draft the write, and stop there. Raises what the write itself would raise before it is sent, except a
    refusal of single fields, which is part of the result."""
    deadline = time.monotonic() + (DRY_RUN_LIMIT if request.wait is None else request.wait)
    resolved = await resolve_request(deps, request, deadline, dry=True)
    refusal: Problem | None = None
    fields: tuple[FieldVerdict, ...] = ()
    try:
        prepared = await prepare(resolved, MARKER)
        if prepared.references is not None and prepared.references.is_missing:
            await judge_person(resolved, MARKER, prepared.references)
    except REFUSALS as problem:
        refusal = problem
        skipped = problem.skipped if isinstance(problem, NotSystemOfRecord) else ()
        action, remote_id = resolved.intent.action, resolved.intent.remote_id
        prepared = PreparedWrite(effect=action, request=None, remote_id=remote_id, skipped=skipped)
    except NothingToCopyTo:
        prepared = PreparedWrite(effect=resolved.intent.action, request=None, remote_id=None)
        fields = (FieldVerdict(pointer="", verdict="skipped", reason=NO_MATCH),)
    except RecordFound as existing:
        prepared = PreparedWrite(effect="update", request=None, remote_id=existing.remote_id)
        fields = (FieldVerdict(pointer="", verdict="skipped", reason=EXISTS),)
    if prepared.plan is not None:
        prepared = msgspec.structs.replace(prepared, loss=prepared.plan.lost + prepared.loss)
    if resolved.intent.object == "order" and prepared.effect == "create":
        is_test = deps.vendors.is_test(resolved.connection) or None
        prepared = msgspec.structs.replace(prepared, loss=undecided(resolved, is_test, prepared.loss))
    mapping = resolved.mapping
    return DraftedWrite(
        connection=resolved.connection.name,
        mapping=MappingName(name=mapping.name, revision=mapping.revision, vendor_api=mapping.vendor_api),
        action=prepared.effect,
        remote_id=prepared.remote_id,
        fields=fields or _verdicts(resolved, prepared, refusal),
        request=None if prepared.request is None else _would_send(prepared.request),
        parts=UNSET if prepared.parts is None else _would_send(prepared.parts.request),
        loss=prepared.loss,
        ignored=resolved.intent.ignored,
        problem=UNSET
        if refusal is None
        else document_of(
            refusal, public_url=deps.public_url, instance=request.instance, correlation_id=request.correlation_id
        ),
    )


def withhold_draft(drafted: DraftedWrite, object_name: ObjectName) -> DraftedWrite:
    """Return a dry run for a key without the read scope: without the bodies of the requests, which may hold what the
    record has already."""
    return msgspec.structs.replace(
        drafted,
        fields=tuple(
            msgspec.structs.replace(one, reason=PLAIN["dropped"]) if one.verdict == "lost" else one
            for one in drafted.fields
        ),
        request=None if drafted.request is None else msgspec.structs.replace(drafted.request, body=None),
        parts=UNSET if drafted.parts is UNSET else msgspec.structs.replace(drafted.parts, body=None),
        loss=tuple(map(withheld_loss, drafted.loss)),
        problem=UNSET if drafted.problem is UNSET else withhold_problem(drafted.problem, object_name),
    )


def _verdicts(resolved: ResolvedWrite, prepared: PreparedWrite, refusal: Problem | None) -> tuple[FieldVerdict, ...]:
    refused = [
        FieldVerdict(pointer=error.pointer, verdict="refused", reason=error.detail)
        for error in ([] if refusal is None else refusal.errors)
        if isinstance(error.pointer, str)
    ]
    lost = [
        FieldVerdict(pointer=one.path, verdict="lost", reason=one.detail)
        for one in prepared.loss
        if one.kind == "dropped"
    ]
    skipped = [
        FieldVerdict(pointer=one.pointer, verdict="skipped", reason=one.reason, owner=one.owner)
        for one in prepared.skipped
    ]
    named = [*refused, *skipped, *lost]
    # A field is written if only a part of it is lost, but not if a part of it is refused.
    decided = {one.pointer for one in named} | {f"/{one.pointer.split('/')[1]}" for one in refused if one.pointer}
    intent = resolved.intent
    if prepared.plan is not None:  # of a copy, what the merge leaves
        intent = msgspec.structs.replace(intent, body=prepared.plan.body)
    others = [f"/{name}" for name in changed_fields(intent) if f"/{name}" not in decided]
    return (*named, *(FieldVerdict(pointer=one, verdict="written") for one in others))


def _would_send(request: VendorRequest) -> WouldSend:
    path = request.path + (f"?{urlencode(request.query)}" if request.query else "")
    return WouldSend(method=request.method, path=path, body=_body(request.body))


def _body(body: bytes | None) -> Any:
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body.decode(errors="replace")
