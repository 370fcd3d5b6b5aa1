"""Judge a row by the ownership of the fields that it changes. Its writer is its connection."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from app.audit.record import Entry
from app.events.record_changes import Fields
from app.ownership.verdict import Change, Ruling, rule
from app.queue.models import Conflict
from app.settings.ownership import PERSON
from app.uploads.deps import UploadDeps
from app.vendors.models import Connection
from app.webhooks.models import Receipt
from canonical.field_kinds import ComparedField, kinds_of
from canonical.parts import FieldOwnership, Skipped
from canonical.same_value import normal_form
from mappings.csv.layout import REVISION, Layout

NOT_OWNER: Final = "not-system-of-record"


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
