"""`lockstitch reconcile`: compare all records with what was last seen of them, and list what was missed."""

from cyclopts import App, Parameter

from app.cli.commands import declare_action, declare_list, operators
from app.cli.tables import Cells, moment
from app.walks.deps import ReconcileDeps
from app.walks.reconcile.models import ReconcileFinding, ReconcileRequest
from app.walks.reconcile.start import confirm_absences, list_findings, request_reconcile

reconcile = App(name="reconcile")
opened = operators(ReconcileDeps)


@declare_list(
    reconcile,
    opened,
    list_findings,
    ("finding", "last found", "record", "what", "closed"),
    none="No matching findings.",
)
def list_row(finding: ReconcileFinding) -> Cells:
    """List findings, newest first."""
    what = " ".join((finding.kind, *finding.fields))
    if finding.source is not None:
        what += f"\nfrom {finding.source}"
    if finding.remote_id is None:
        what = f"{finding.records} records are not listed\nlockstitch reconcile confirm {finding.id}"
    record = f"{finding.connection}\n{finding.object} {finding.remote_id or ''}".rstrip()
    closed = "" if finding.closed_at is None else moment(finding.closed_at) + (" repaired" * finding.is_repaired)
    return finding.id, moment(finding.last_found_at), record, what, closed


@declare_action(reconcile, opened, confirm_absences, finding_id=Parameter(name="ID", help="The finding, rec_…."))
def confirm(finding: ReconcileFinding) -> str:
    """Confirm that many records may be gone. A worker reads each of them."""
    return (
        f"A worker reads each of the {finding.records} records. "
        f"Then: lockstitch reconcile list --connection {finding.connection}"
    )


@declare_action(reconcile, opened, request_reconcile)
def start(request: ReconcileRequest) -> str:
    """Reconcile an object now. A worker lists all of its records."""
    return (
        f"A worker lists every {request.object} of {request.connection}. "
        f"Then: lockstitch reconcile list --connection {request.connection}"
    )
