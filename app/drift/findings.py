"""Drift finding operations: list, read and acknowledge."""

from app.api_keys.statements import name_of
from app.audit.record import Entry, append
from app.drift.deps import DriftDeps
from app.drift.models import DriftFilter, DriftFinding
from app.errors import StateConflict
from app.http.by_id import find
from app.http.paging import Page, page_of


async def list_drift(deps: DriftDeps, which: DriftFilter, *, after: str | None, limit: int) -> Page:
    """List findings, newest first. The cursor is the last id of the page."""
    findings = await deps.drifts.list(which, after=after, limit=limit + 1)
    return page_of(findings, limit)


async def read_drift(deps: DriftDeps, finding_id: str) -> DriftFinding:
    """Return one finding. Raises NotFound."""
    return await find(deps.drifts.get, finding_id, "drift finding", next_step="List findings with GET /ops/drift.")


async def acknowledge_drift(deps: DriftDeps, finding_id: str, *, actor: str) -> DriftFinding:
    """Acknowledge a finding: add it to the baseline, end its alarm, and accept records with it again. Audited.

    Raises NotFound, and StateConflict if it is already acknowledged.
    """
    known = await read_drift(deps, finding_id)
    async with deps.database.transaction() as transaction:
        finding = await deps.drifts.acknowledge(transaction, known.id, actor=actor)
        if finding is not None:
            facts = {"connection": finding.connection, "mapping": finding.mapping, "path": finding.path}
            await append(
                transaction,
                Entry(type="drift.acknowledged", subject=finding.id, actor=actor, facts=facts | {"kind": finding.kind}),
            )
    if finding is None:
        by = await name_of(deps.database, known.acknowledged_by)
        raise StateConflict(
            f"{known.id} is already acknowledged, by {by}.", next_step="Do nothing: it stays acknowledged."
        )
    return finding
