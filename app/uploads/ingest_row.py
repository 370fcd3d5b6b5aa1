"""Ingest a row of an export: publish an Event if the row differs from the last known state of its record.

The row is the only source of the record, so order matters. A row that runs after a later row of the same record, such
as a redriven dead letter, is skipped and audited as `receipt.overtaken`.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.audit.record import Entry, append
from app.errors import Erased
from app.events.models import RecordChange, SeenState, StateMoved
from app.events.record_changes import (
    Fields,
    changed,
    events_of,
    fields_of,
    history_of,
    previous_values,
    state_of,
)
from app.links.match_keys import match_facts_of
from app.ownership.verdict import Change, Ruling, rule
from app.postgres.database import Transaction
from app.queue.finishing import Finishing
from app.queue.kinds import JobKind
from app.queue.models import Conflict, DeadLetter, Done, Job, JobOutcome, Permanent, Retry
from app.records.compare import transitions_of
from app.records.last_seen import export_meta
from app.records.resources import referenced_ids
from app.records.withhold_person import withhold_person
from app.settings.ownership import PERSON
from app.uploads import metrics
from app.uploads.deps import UploadDeps
from app.uploads.metrics import ProcessedRow
from app.uploads.models import KIND, key_of, row_of
from app.vendors.models import Connection
from app.webhooks.ingest import POLICY
from app.webhooks.models import Receipt
from app.webhooks.receipt_payload import edit_receipt, read_work, show_receipt
from canonical.customer import Customer
from canonical.field_kinds import ComparedField, kinds_of
from canonical.parts import FieldOwnership, Skipped
from canonical.references import with_connection
from canonical.same_value import normal_form
from mappings.csv.export import identity_of
from mappings.csv.layout import REVISION, Layout
from mappings.csv.rows_r1 import read_row
from mappings.spec import Mapped, Unmappable

NOT_OWNER: Final = "not-system-of-record"


async def ingest_row(deps: UploadDeps, job: Job, finishing: Finishing) -> JobOutcome:
    """Handle a job of kind `ingest_row`: map the row, compare it, publish an Event. Skip a settled receipt."""
    work = read_work(deps.receipts, job)
    if isinstance(work, Done | Permanent):
        return work
    receipt, payload = work.receipt, work.payload
    connection = deps.connections.by_name.get(receipt.connection)
    if connection is None or connection.layout is None:
        return Permanent(reason="the connection no longer has an export layout", path="$")
    layout = connection.layout
    try:
        mapped = read_row(payload, layout)
    except Unmappable as bad:
        return await _refuse(deps, finishing, receipt, layout, bad, is_edited=payload != receipt.payload)
    whole = mapped
    try:
        if deps.erased.digests:
            mapped = withhold_person(deps.erased, layout.object, connection.name, mapped, payload)
    except Erased:
        async with finishing() as transaction:
            await deps.receipts.erase(transaction, receipt.id)
        metrics.count_row_processed(connection.name, "erased")
        return Done()
    read_at, last_state = await deps.states.look(layout.object, connection.name, mapped.remote.id)
    resource = await _resource(deps, connection, layout, mapped)
    before, after = _last_fields(last_state), fields_of(state_of(resource))
    ruled = await rule_row(deps, connection, layout, receipt, job.id, before=before, after=after)
    if ruled.refusal is not None:
        async with deps.database.transaction() as transaction:
            await append(transaction, *ruled.facts)
        return ruled.refusal
    if ruled.skipped:
        resource = without_skipped(resource, before, ruled.skipped)
        if resource is None:
            return Conflict(reason=NOT_OWNER, path="$", mapping=layout.mapping, revision=REVISION, skip=True)
    change = await _change_of(deps, connection, layout, mapped, resource, (read_at, last_state))
    try:
        async with finishing() as transaction:
            await append(transaction, _receipt_fact("receipt.validated", receipt, layout), *ruled.facts)
            outcome = await _publish(deps, transaction, job, receipt, layout, change)
            if mapped is whole:
                await deps.receipts.settle(transaction, [receipt.id])
            else:
                await deps.receipts.erase(transaction, receipt.id)
    except StateMoved:
        return Retry(reason="the state of the record changed meanwhile", after=0.0)
    metrics.count_row_processed(connection.name, outcome)
    return Done()


async def _refuse(
    deps: UploadDeps, finishing: Finishing, receipt: Receipt, layout: Layout, bad: Unmappable, *, is_edited: bool
) -> JobOutcome:
    """Return the outcome of a bad row. One whose record has a later row is settled: it may be corrected there."""
    if is_edited or not await deps.uploads.is_overtaken(receipt.connection, row_of(receipt)):
        metrics.count_row_processed(receipt.connection, "bad")
        return Permanent(reason=bad.reason, path=bad.path, mapping=layout.mapping, revision=REVISION)
    async with finishing() as transaction:
        await append(transaction, _receipt_fact("receipt.overtaken", receipt, layout))
        await deps.receipts.settle(transaction, [receipt.id])
    metrics.count_row_processed(receipt.connection, "overtaken")
    return Done()


async def _change_of(
    deps: UploadDeps,
    connection: Connection,
    layout: Layout,
    mapped: Mapped[Any],
    resource: Any,
    last_look: tuple[datetime | None, SeenState | None],
) -> RecordChange:
    """Return the change of the record. A row says what its record is now, not that the record is new."""
    read_at, last_state = last_look
    state = state_of(resource)
    before, after = _last_fields(last_state), fields_of(state)
    names = changed(before, after, layout.model)
    what = "created" if last_state is None else "updated"
    return RecordChange(
        object=layout.object,
        connection=connection.name,
        remote_id=mapped.remote.id,
        type=f"{layout.object}.{what}" if names or last_state is None else None,
        data=msgspec.json.encode(resource),
        changed=names,
        occurred_at=mapped.remote.updated_at,
        last_state=last_state,
        state=state,
        read_at=read_at,
        previous=previous_values(before, names),
        transitions=await transitions_of(
            deps.setups, layout.object, connection.name, before, after, is_first=last_state is None
        ),
    )


async def _publish(
    deps: UploadDeps, transaction: Transaction, job: Job, receipt: Receipt, layout: Layout, change: RecordChange
) -> ProcessedRow:
    """Append the Event of a row that changes its record, unless a later row of the record was published."""
    if not await _is_newest(deps, transaction, receipt, change.remote_id):
        await append(transaction, _receipt_fact("receipt.overtaken", receipt, layout))
        return "overtaken"
    if change.type is None:
        return "unchanged"
    await deps.states.replace(transaction, change)
    jobs = await deps.events.append(transaction, *events_of(change, origin=receipt.id))
    await deps.queue.enqueue(transaction, *jobs)
    await append(transaction, *history_of(change, job.origin, job.correlation_id))
    return "applied"


def _last_fields(last_state: SeenState | None) -> Fields | None:
    return None if last_state is None or last_state.deleted else fields_of(last_state.data)


async def _is_newest(deps: UploadDeps, transaction: Transaction, receipt: Receipt, remote_id: str) -> bool:
    """Return whether no later row of the record was published. An edited row may name another record than before."""
    record, row = identity_of(remote_id), row_of(receipt)
    if record == row[0]:
        return await deps.uploads.publish(transaction, receipt.connection, row, receipt.received_at)
    return await deps.uploads.publish_edited(transaction, receipt.connection, record, receipt.id, key_of(record))


async def _resource(deps: UploadDeps, connection: Connection, layout: Layout, mapped: Mapped[Any]) -> Any:
    """Add the canonical ids of the record and of those that the row refers to by remote id."""
    remote, data = mapped.remote, mapped.data
    named = (await deps.links.name(layout.object, connection.name, [remote.id]))[remote.id]
    if isinstance(data, Customer) and await deps.matches.match(
        [match_facts_of(data, connection.name, remote.id, is_staff=False)]
    ):
        named = (await deps.links.name(layout.object, connection.name, [remote.id]))[remote.id]
    ids = await referenced_ids(deps.links.ensure, connection, layout.object, [mapped])
    meta = export_meta(connection, layout, remote, mapped.loss, named.links)
    data = with_connection(data, connection.name, ids)
    return msgspec.structs.replace(data, id=named.canonical_id, meta=meta)


def _receipt_fact(what: str, receipt: Receipt, layout: Layout) -> Entry:
    facts = {"connection": receipt.connection, "topic": receipt.topic, "mapping": layout.mapping, "revision": REVISION}
    return Entry(type=what, subject=receipt.id, facts=facts)


def _send_again(letter: DeadLetter) -> tuple[str, str, str]:
    return (
        f"/v1/uploads/{letter.connection}",
        f"lockstitch uploads send FILE --connection {letter.connection}",
        "Or correct the export and send it again; only new or changed rows are recorded. Then redrive this one: it is"
        " settled, because a later row of its record was processed. Discard a row that names no record.",
    )


INGEST_ROW: Final = JobKind(
    name=KIND,
    policy=POLICY,
    bind=lambda dependencies: partial(ingest_row, dependencies.of(UploadDeps)),
    show=show_receipt,
    edit=edit_receipt,
    send_again=_send_again,
)
KINDS: Final = (INGEST_ROW,)


class RuledRow(Struct, frozen=True, kw_only=True):
    """The verdict on a row: the outcome of its job if it is refused or has to be reviewed, and what is skipped."""

    refusal: Conflict | None = None
    skipped: tuple[Skipped, ...] = ()
    facts: tuple[Entry, ...] = ()


async def rule_row(
    deps: UploadDeps,
    connection: Connection,
    layout: Layout,
    receipt: Receipt,
    job_id: int,
    *,
    before: Fields | None,
    after: Fields,
) -> RuledRow:
    """Judge the fields that differ from the last-seen state. A redrive is also the change of the operator."""
    policies = _changed_policies(deps, layout, before or {}, after)
    if not policies:
        return RuledRow()
    is_redriven = await deps.uploads.is_redriven(job_id)
    by = frozenset({connection.name, PERSON} if is_redriven else {connection.name})
    # Rows of a record run in order, and only this connection writes it, so nothing else is to be compared.
    change = Change(by=by, target=connection.name)
    rulings = {name: rule(name, policy, change) for name, policy in policies.items()}
    refused = {name: one for name, one in rulings.items() if one.verdict in ("refused", "review")}
    if refused:
        review = all(one.verdict == "review" for one in refused.values())
        fact = _fact("review" if review else "refused", refused, connection, layout, receipt)
        outcome = Conflict(
            reason=NOT_OWNER, path=f"$.{min(refused)}", mapping=layout.mapping, revision=REVISION, skip=True
        )
        return RuledRow(refusal=outcome, facts=(fact,))
    skips = {name: one for name, one in rulings.items() if one.verdict == "skipped"}
    return RuledRow(
        skipped=tuple(
            Skipped(pointer=f"/{name}", owner=policies[name].owner or "", reason=one.reason)
            for name, one in skips.items()
        ),
        facts=(_fact("skipped", skips, connection, layout, receipt),) if skips else (),
    )


def without_skipped(resource: Any, before: Fields | None, skipped: tuple[Skipped, ...]) -> Any:
    """Return the resource with the last-seen values of the skipped fields. None if it needs one that it never had."""
    fields: dict[str, Any] = msgspec.to_builtins(resource)
    for one in skipped:
        name = one.pointer.removeprefix("/")
        for sibling in (name, f"{name}_raw"):
            fields.pop(sibling, None)
            if sibling in (before or {}):
                fields[sibling] = (before or {})[sibling]
    try:
        kept = msgspec.convert(fields, type(resource))
    except msgspec.ValidationError:
        return None
    return msgspec.structs.replace(kept, meta=msgspec.structs.replace(resource.meta, skipped=skipped))


def _changed_policies(deps: UploadDeps, layout: Layout, before: Fields, after: Fields) -> dict[str, FieldOwnership]:
    ownership = deps.ownership.get(layout.object)
    if ownership is None or not ownership.is_checked:
        return {}
    kinds = kinds_of(layout.object)
    return {
        name: policy
        for name, policy in ownership.fields.items()
        for field in [kinds.get(name, ComparedField())]
        if policy.anyone_else is not None
        and normal_form(before.get(name), field) != normal_form(after.get(name), field)
    }


def _fact(
    verdict: str, rulings: Mapping[str, Ruling], connection: Connection, layout: Layout, receipt: Receipt
) -> Entry:
    facts = {"object": layout.object, "connection": connection.name, "writer": connection.name}
    return Entry(type=f"ownership.{verdict}", subject=receipt.id, facts={**facts, "fields": sorted(rulings)})
