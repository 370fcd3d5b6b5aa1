"""`lockstitch approvals`: show, approve and reject writes that wait for a person."""

from cyclopts import App, Parameter
from msgspec import UNSET

from app.cli.commands import declare_action, declare_list, operators
from app.cli.tables import Cells, moment, print_view
from app.writes.decide_approval import approve_write, reject_write
from app.writes.deps import ApprovalDeps, OperationDeps
from app.writes.for_operators import list_waiting, read_operation
from app.writes.models import OperationView

approvals = App(name="approvals")
opened = operators(ApprovalDeps)
ID = Parameter(name="ID", help="The id of the operation, op_….")


@declare_list(
    approvals,
    operators(OperationDeps),
    list_waiting,
    ("operation, write", "until (UTC)", "wants"),
    none="No write waits for an approval.",
)
def list_row(view: OperationView) -> Cells:
    """List writes that wait for an approval, newest first."""
    assert view.approval is not UNSET  # noqa: S101 - each of them waits for one
    approval = view.approval
    record = f" {approval.remote_id}" if approval.remote_id else ""
    write = f"{approval.effect} {view.object}{record} at {view.connection}: {', '.join(approval.fields)}"
    return f"{view.id}\n{write}", moment(approval.expires_at), approval.requested_by


@declare_action(approvals, operators(OperationDeps), read_operation, operation_id=ID)
def show(view: OperationView) -> None:
    """Show a write with the values that it would store, which contain personal data, and what was decided."""
    print_view(view)


@declare_action(approvals, opened, approve_write, operation_id=ID)
def approve(view: OperationView) -> str:
    """Approve a write. A worker then carries it out. Exits with 3 if it was decided otherwise, or has expired."""
    return f"{view.id} is approved."


@declare_action(approvals, opened, reject_write, operation_id=ID)
def reject(view: OperationView) -> str:
    """Reject a write. It is never sent. Exits with 3 if it was decided otherwise, or has expired."""
    return f"{view.id} is rejected."
