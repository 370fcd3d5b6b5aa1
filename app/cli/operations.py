"""`lockstitch operations`: show writes, and decide those of unknown outcome."""

from cyclopts import App, Parameter
from msgspec import UNSET

from app.cli.commands import declare_action, declare_list, operators
from app.cli.operators import with_runtime
from app.cli.printing import say
from app.cli.tables import Cells, moment, print_view
from app.dependencies import Dependencies
from app.writes.deps import OperationDeps, WriteDeps
from app.writes.for_operators import EVERY, Resolution, list_operations, operator_of, read_operation
from app.writes.models import OperationView, named_write

operations = App(name="operations")
ID = Parameter(name="ID", help="The id of the operation, op_….")


@declare_list(
    operations,
    operators(OperationDeps),
    list_operations,
    ("operation, run", "requested", "write", "state"),
    none="No matching operations.",
)
def list_row(view: OperationView) -> Cells:
    """List writes, newest first."""
    why = "" if view.problem is UNSET else f"\n{view.problem.title}"
    return (
        f"{view.id}\n{view.correlation_id}",
        moment(view.created_at).replace(" ", "\n"),
        f"{named_write(view.action, view.object)}\nat {view.connection}",
        f"{view.state}{why}",
    )


@declare_action(operations, operators(OperationDeps), read_operation, operation_id=ID)
def show(view: OperationView) -> None:
    """Show a write with its result, which contains personal data, or its problem."""
    print_view(view)
    if view.state == "unknown":
        resolve = f"lockstitch operations resolve {view.id} --outcome"
        say("", f"To ask the vendor once more, and send it if it did not happen: lockstitch operations check {view.id}")
        say(f"If you find the record there: {resolve} succeeded --remote-id …")
        say(f"If it is not there: {resolve} failed")


async def _check(deps: Dependencies, operation_id: str, *, actor: str) -> OperationView:
    from app.writes.idempotency import Writers  # noqa: PLC0415 - it calls the vendor, unlike a list
    from app.writes.operations import check_operation  # noqa: PLC0415

    writes, writers = deps.of(WriteDeps), deps.of(Writers)
    caller = operator_of(actor)
    return await check_operation(writes, writers, operation_id, wait=None, caller=caller, objects=EVERY)


@declare_action(operations, with_runtime, _check, operation_id=ID)
def check(view: OperationView) -> str:
    """Ask the vendor once more whether a write of unknown outcome happened. If it certainly did not, it is sent now.

    Exits with 3 if the outcome is not unknown.
    """
    return f"{view.id} is {view.state}."


async def _resolve(deps: Dependencies, operation_id: str, resolution: Resolution, *, actor: str) -> OperationView:
    from app.writes.operations import resolve_unknown  # noqa: PLC0415

    writes, caller = deps.of(WriteDeps), operator_of(actor)
    return await resolve_unknown(writes, operation_id, resolution, wait=None, caller=caller, objects=EVERY)


@declare_action(operations, with_runtime, _resolve, operation_id=ID)
def resolve(view: OperationView) -> str:
    """Record what you found at the vendor about a write of unknown outcome. Audited.

    `succeeded` needs the record's id there, which Lockstitch reads. `failed` frees the idempotency key. Exits with 3 if
    the outcome is not unknown.
    """
    return f"{view.id} is {view.state}."
