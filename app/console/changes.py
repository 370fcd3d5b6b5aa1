"""Changes: who changed what. Coverage: what each connection reads and writes of an object, and what a move loses."""

from typing import Final
from urllib.parse import urlencode

import msgspec

from app.audit.models import AuditFilter
from app.audit.trail import PostgresAuditTrail
from app.console.pages import View, Visit, page
from app.console.store import PostgresSessions
from app.http.decode_body import decode_patch
from app.ownership.deps import OwnershipDeps
from app.ownership.routes import view_of
from app.records.contracts import OBJECTS, describe_contract, list_contracts
from app.records.deps import RecordDeps

CHANGES: Final = "/console/changes"
ON_A_PAGE: Final = 50
FILTERS: Final = ("type", "record", "actor", "correlation_id", "since")
DECISIONS: Final = (
    *("api_key.*", "credential.*", "connection.*", "mapping.*", "drift.*", "subscription.*", "consumer.*"),
    *("environment.*", "person.*", "console.*", "backfill.*", "redrive.*", "reconcile.*", "link.*"),
    *("operation.resolved", "operation.approved", "operation.rejected", "operation.redriven"),
    *("job.redriven", "job.discarded"),
)
"""The types to choose from. The audit trail also has every step of the work."""
ALL: Final = "*"


@page(CHANGES)
async def list_changes(visit: Visit) -> View:
    """Show what people decided and changed, newest first; with a type, those audit events. An actor is a key's name, or
    its principal."""
    chosen = {name: visit.query[name] for name in FILTERS if visit.query.get(name)}
    names = await visit.deps(PostgresSessions).names()
    principals = {name: principal for principal, name in names.items()}
    actor = chosen.get("actor")
    sent = {**chosen, "actor": principals.get(actor, actor)} if actor else chosen
    kind = sent.pop("type", None)
    which = decode_patch(msgspec.json.encode(sent or {"type": None}), AuditFilter)
    before = visit.after("[0-9]{1,18}")
    events = await visit.deps(PostgresAuditTrail).list(
        msgspec.structs.replace(which, type=None if kind == ALL else kind),
        before=None if before is None else int(before),
        limit=ON_A_PAGE + 1,
        decisions=kind is None,
        quickly=True,
    )
    rows = events[:ON_A_PAGE]
    following = None
    if events[ON_A_PAGE:]:
        following = f"{CHANGES}?{urlencode({**chosen, 'after': rows[-1].id})}"
    ownership = visit.deps(OwnershipDeps).ownership
    return View(
        "changes.html",
        events=rows,
        names=names,
        fields={name: visit.query.get(name, "") for name in FILTERS},
        kinds=DECISIONS,
        following=following,
        ownership=[view_of(ownership, name) for name in OBJECTS],
        contracts=list_contracts(),
    )


@page("/console/coverage/{object}")
async def show_coverage(visit: Visit) -> View:
    """Show which fields each connection reads, and sets on a create and on an update. With `from` and `to`, those that
    a record loses on the way."""
    contract = describe_contract(visit.deps(RecordDeps), visit.path("object"))
    rows: dict[str, dict[str, str]] = {}
    for name, connection in contract.connections.items():
        for one in connection.fields:
            cell = "".join(mark for mark, has in (("R", one.reads), ("C", one.creates), ("U", one.updates)) if has)
            rows.setdefault(one.field, {})[name] = cell
    source, target = visit.query.get("from", ""), visit.query.get("to", "")
    chosen = source in contract.connections and target in contract.connections
    lost = [
        name
        for name in contract.write_schema["properties"]
        if "R" in rows[name].get(source, "") and "C" not in rows[name].get(target, "")
    ]
    return View(
        "coverage.html",
        here=f"{CHANGES}/",
        object=contract.object,
        objects=OBJECTS,
        connections=contract.connections,
        rows=rows,
        source=source,
        target=target,
        lost=lost if chosen else None,
    )
