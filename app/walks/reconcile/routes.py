"""HTTP operations of reconciliations."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from app.http.accept import quality
from app.http.edge import headers_of
from app.http.operation import Call, Listing, operation
from app.http.parameters import LIMIT, PathText, boolean, choice, cursor, text
from app.http.responses import Answered, RenderedResponse, link_next, page_response
from app.problem_document import JSON
from app.vendors.models import Connections
from app.walks.deps import ReconcileDeps
from app.walks.reconcile import start
from app.walks.reconcile.models import FINDING_KINDS, ReconcileFilter, ReconcileFinding

CSV: Final = "text/csv"
FILTERS: Final = (
    text("connection", "Only this connection.", "hubspot"),
    choice("kind", "Only this kind.", FINDING_KINDS, example="missed"),
    boolean("closed", "Only closed findings, or only open ones; all if absent."),
)
CURSOR: Final = cursor("rec_.*")
ID: Final = PathText("id", "The finding's id.", "rec_0198f0a2b7c47d3c9a51f2e80b6c4d17")


@operation(
    "GET",
    "/ops/reconciliations",
    tag="Operators",
    scopes=("ops:read",),
    query=(*FILTERS, LIMIT, CURSOR),
    answer=Listing(item=ReconcileFinding, meaning="A page of findings."),
    also_media_types=(CSV,),
)
async def list_reconciliations(call: Call) -> Answered:
    """List what webhooks and pulls have missed, and copies that differ from their sources, newest first.

    One finding for each record that differs from what was last seen of it, and for each copy and its source.
    `Accept: text/csv` returns the page as CSV with a header; the next page is in `Link`.
    """
    which = call.filter(ReconcileFilter, FILTERS)
    deps, limit = call.deps(ReconcileDeps), call.query(LIMIT)
    page = await start.list_findings(deps, which, after=call.query(CURSOR), limit=limit)
    if not page.data:
        call.deps(Connections).refuse_unknown(which.connection)
    accept = headers_of(call.request.scope).get("accept", [])
    if quality(accept, CSV) <= quality(accept, JSON):
        return page_response(call.request, page)
    link_next(call.request, page.next_cursor)
    return RenderedResponse(_csv_of(page.data), media_type=f"{CSV}; charset=utf-8")


@operation(
    "POST",
    "/ops/reconciliations/{id}/confirm",
    tag="Operators",
    scopes=("ops:write",),
    parameters=(ID,),
    problems=("state-conflict",),
)
async def confirm_absences(call: Call) -> ReconcileFinding:
    """Confirm that many records may be gone.

    For a finding `absent` without `remote_id`: each record that was not listed is read, and a finding of its own says
    if it is gone. Where the repair is `emit`, it then has its Event `deleted`. Audited.
    """
    return await start.confirm_absences(call.deps(ReconcileDeps), call.path("id"), actor=call.caller.principal)


def _csv_of(findings: Sequence[ReconcileFinding]) -> bytes:
    """Return findings as CSV (RFC 4180). Field names are separated by spaces."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(ReconcileFinding.__struct_fields__)
    for finding in findings:
        cells: dict[str, Any] = msgspec.to_builtins(finding)
        writer.writerow(" ".join(cell) if isinstance(cell, list | tuple) else _cell(cell) for cell in cells.values())
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
