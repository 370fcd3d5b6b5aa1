"""Start reconciliations that are due, request one, and list findings."""

from functools import partial

from app.audit.record import Entry, append
from app.errors import InvalidField
from app.http.paging import Page, page_of
from app.identifiers import new_id, new_run_id
from app.problem_document import FieldError
from app.walks.deps import ReconcileDeps
from app.walks.models import NewWalk
from app.walks.reconcile.models import DueReconcile, ReconcileFilter, ReconcilePlan, ReconcileRequest
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
    if not any((one.connection, one.object) == (request.connection, request.object) for one in deps.plans()):
        detail = f"no connection {request.connection[:80]!r} lists the object {request.object}"
        raise InvalidField.listing([FieldError(pointer="/connection", detail=detail)])
    async with deps.database.transaction() as transaction:
        await deps.reconciliations.request(transaction, request)
        facts = {"object": request.object}
        entry = Entry(type="reconcile.requested", subject=request.connection, actor=actor, facts=facts)
        await append(transaction, entry)
    return request


async def list_findings(deps: ReconcileDeps, which: ReconcileFilter, *, after: str | None, limit: int) -> Page:
    """List findings, newest first. The cursor is the last id of the page."""
    return page_of(await deps.reconciliations.list(which, after=after, limit=limit + 1), limit)
