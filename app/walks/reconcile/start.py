"""Start reconciliations that are due, request one, and list findings."""

from functools import partial

from msgspec.structs import replace

from app.audit.record import Entry, append
from app.errors import InvalidField, StateConflict
from app.http.by_id import find
from app.http.nearest_name import did_you_mean
from app.http.paging import Page, page_of
from app.identifiers import new_id, new_run_id
from app.walks.deps import ReconcileDeps
from app.walks.models import NewWalk
from app.walks.reconcile.models import (
    CheckPayload,
    DueReconcile,
    ReconcileFilter,
    ReconcileFinding,
    ReconcilePlan,
    ReconcileRequest,
)
from app.walks.reconcile.store import CONFIRMABLE
from app.walks.start import start_walk


async def start_due_reconciles(deps: ReconcileDeps) -> None:
    """Start the runs that are due. Raises StoreUnavailable."""
    plans = {(one.connection, one.object): one for one in deps.plans()}
    for due in await deps.reconciliations.due(tuple(plans.values())):
        await _start(deps, plans[due.connection, due.object], due)


async def _start(deps: ReconcileDeps, plan: ReconcilePlan, due: DueReconcile) -> None:
    walk = NewWalk(
        id=new_id("walk_"),
        connection=plan.connection,
        object=plan.object,
        purpose="reconcile",
        since=None,
        is_baseline=not due.has_baseline,
        page_size=plan.page_size,
        correlation_id=new_run_id(),
    )
    await start_walk(deps, walk, claim=partial(deps.reconciliations.claim, due=due))


async def request_reconcile(deps: ReconcileDeps, request: ReconcileRequest, *, actor: str) -> ReconcileRequest:
    """Let a worker reconcile an object now. Audited. Raises InvalidField if the connection cannot list it."""
    names = sorted(one.connection for one in deps.plans() if one.object == request.object)
    if request.connection not in names:
        raise InvalidField.at(
            "/connection",
            f"no connection of this name lists the object {request.object}.{did_you_mean(request.connection, names)}"
            f" Those that do: {', '.join(names) or 'none'}",
        )
    async with deps.database.transaction() as transaction:
        await deps.reconciliations.request(transaction, request)
        facts = {"object": request.object}
        entry = Entry(type="reconcile.requested", subject=request.connection, actor=actor, facts=facts)
        await append(transaction, entry)
    return request


async def confirm_absences(deps: ReconcileDeps, finding_id: str, *, actor: str) -> ReconcileFinding:
    """Let workers read each record that a run did not list, although they are too many: those that are gone are absent.
    Audited. Raises NotFound, and StateConflict for a finding that waits for no person, or was found too long ago."""
    next_step = "GET /ops/reconciliations lists them."
    finding = await find(deps.reconciliations.get, finding_id, "finding of a reconciliation", next_step=next_step)
    async with deps.database.transaction() as transaction:
        confirmed = await deps.reconciliations.confirm(transaction, finding_id)
        if confirmed is not None:
            facts = {"object": finding.object, "finding": finding_id, "records": finding.records}
            entry = Entry(type="reconcile.confirmed", subject=finding.connection, actor=actor, facts=facts)
            await append(transaction, entry)
            from app.walks.reconcile.check import check_job  # noqa: PLC0415 - not for a list

            payload = CheckPayload(walk=confirmed.walk, object=finding.object, remote_id="")
            jobs = (check_job(finding.connection, replace(payload, remote_id=one)) for one in confirmed.absentees)
            await deps.queue.enqueue(transaction, *jobs)
    if confirmed is None:
        raise StateConflict(
            f"{finding_id} does not wait for a confirmation, or was last found more than {CONFIRMABLE} ago.",
            next_step=f"lockstitch reconcile start --connection {finding.connection} --object {finding.object}",
        )
    return await deps.reconciliations.get(finding_id) or finding


async def list_findings(deps: ReconcileDeps, which: ReconcileFilter, *, after: str | None, limit: int) -> Page:
    """List findings, newest first. The cursor is the last id of the page."""
    return page_of(await deps.reconciliations.list(which, after=after, limit=limit + 1), limit)
